"""Errors as RFC 9457 problem documents, each with `code` and `retryable`."""

import re
from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from runnel.errors import (
    CallFailed,
    ConfigInvalid,
    Conflict,
    EventsExpired,
    InputInvalid,
    LibraryBusy,
    NotFound,
    RunnelError,
    StoreUnavailable,
    Unauthorized,
    UrlInvalid,
)

_STATUS: tuple[tuple[type[RunnelError], int], ...] = (
    (ConfigInvalid, 500),
    (InputInvalid, 422),
    (NotFound, 404),
    (Conflict, 409),
    (EventsExpired, 410),
    (Unauthorized, 401),
    (StoreUnavailable, 503),
    (CallFailed, 502),
)
_CODES: Final = {
    400: "bad_request",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
}
#: An id in the path of a route.
_ID: Final = re.compile(r"\{\w+\}")
_RETRY_AFTER_S: Final = "2"
_NO_ROUTE: Final = "There is no such route; GET /docs lists what there is."

#: The schema of every error.
PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Problem",
    "description": "An error (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code", "retryable"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence for people."},
        "code": {"type": "string", "description": "The same for programs."},
        "retryable": {"type": "boolean", "description": "Whether the same request may succeed later."},
        "job_id": {"type": "string", "description": "The job in the way, of `library_busy`."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
    "examples": [
        {
            "type": "about:blank",
            "title": "job not found",
            "status": 404,
            "detail": "There is no job '01jd0000000000000000000000'; `runnel jobs` lists what there is.",
            "code": "job_not_found",
            "retryable": False,
        }
    ],
}


def problem(status: int, code: str, detail: str, *, retryable: bool = False, **more: Any) -> JSONResponse:
    """One problem document."""
    headers = {"Retry-After": _RETRY_AFTER_S} if status in (429, 503) else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    body = {"type": "about:blank", "title": code.replace("_", " "), "status": status, "detail": detail}
    return JSONResponse(
        {**body, "code": code, "retryable": retryable, **more},
        status_code=status,
        headers=headers,
        media_type="application/problem+json",
    )


#: What pydantic writes before the sentence of a check of ours.
_OURS: Final = "Value error, "


def install(app: FastAPI) -> None:
    """Answer every error of *app* with a problem document."""
    app.add_exception_handler(RunnelError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _of_any)


def _of_ours(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RunnelError)  # noqa: S101  # what it was registered for
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    more: dict[str, Any] = {"job_id": error.job_id} if isinstance(error, LibraryBusy) else {}
    if isinstance(error, UrlInvalid):
        more["errors"] = [{"field": error.field, "message": error.message}]
    return problem(status, error.code, error.message, retryable=error.retryable, **more)


def _of_validation(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # what it was registered for
    errors = [{"field": _field(item), "message": item["msg"].removeprefix(_OURS)} for item in error.errors()]
    named = ", ".join(f"{item['field']} ({item['message']})" for item in errors[:5])
    return problem(422, "invalid_input", f"The request is not valid: {named}.", errors=errors)


def _field(item: Mapping[str, Any]) -> str:
    """The name of what is wrong; `body` when it is the body as a whole."""
    if item["type"] == "json_invalid":
        return "body"
    return ".".join(str(part) for part in item["loc"][1:]) or str(item["loc"][0])


def _of_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  # what it was registered for
    detail = _NO_ROUTE if error.status_code == 404 else str(error.detail)
    answer = problem(error.status_code, _CODES.get(error.status_code, "http_error"), detail)
    answer.headers.update(error.headers or {})
    if error.status_code == 405:  # the router names the methods of the first route alone that has this path
        answer.headers["Allow"] = ", ".join(sorted(_methods_at(request)))
    return answer


def _methods_at(request: Request) -> set[str]:
    """The methods that the path of *request* knows: as it stands, else as one with an id in it."""
    paths: dict[str, Any] = request.app.openapi()["paths"]
    path = request.url.path
    fitting = [path] if path in paths else [one for one in paths if _fits(one, path)]
    return {method.upper() for one in fitting for method in paths[one]}


def _fits(template: str, path: str) -> bool:
    """Whether *path* is one of *template*; an id at its end may hold slashes, as a page's URL does."""
    pattern = _ID.sub("[^/]+", template.removesuffix("{page_id}")) + (".+" if template.endswith("{page_id}") else "")
    return re.fullmatch(pattern, path) is not None


def _of_any(request: Request, error: Exception) -> JSONResponse:
    """What nobody foresaw: the server's log has it, the caller does not."""
    # The route's template and the error's class: a path or a message may hold what must not be told.
    route = getattr(request.scope.get("route"), "path", "")
    request.app.state.home.services.telemetry.log("request_failed", route=route, error=type(error).__name__)
    return problem(500, RunnelError.code, "Something went wrong in the server; its log says what.")
