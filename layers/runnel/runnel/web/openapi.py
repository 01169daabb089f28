"""The OpenAPI document: what FastAPI knows of each route, and what `http.md` beside this file tells of it.

Laws (tests/unit/web/test_openapi.py):
1. Every route has its text, a curl example and its problems, each with the `code` that a client may meet.
2. `http.md` is the one source of texts and examples: docs/http.md is made of it and of this document.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI

from runnel.web.body_limit import MOST_BYTES
from runnel.web.problems import PROBLEM

_SOURCE: Final = Path(__file__).with_name("http.md")
_HEADING: Final = re.compile(r"^### `([A-Z]+ /[^`]*)`$", re.MULTILINE)
_CODE: Final = re.compile(r"```sh\n(.*?)```\n?", re.DOTALL)

#: What a 404 says, by the id in the path that decides; the first that stands there counts.
_NOT_FOUND: Final = {
    "page_id": "page_not_found",
    "source_id": "source_not_found",
    "library_id": "library_not_found",
    "job_id": "job_not_found",
    "report_id": "report_not_found",
}
#: What else a 404 says, by route: what the body names.
_ALSO_MISSING: Final[Mapping[str, tuple[str, ...]]] = {
    "GET /v1/jobs/{job_id}/report": ("report_not_found",),
    "GET /v1/reports/{report_id}/files/{name}": ("file_not_found",),
    "POST /v1/libraries/{library_id}/publish": ("job_not_found",),
    "GET /v1/libraries/{library_id}/diff": ("job_not_found", "generation_not_found"),
    "GET /v1/libraries/{library_id}/sources/{source_id}": ("library_not_found",),
    "PUT /v1/libraries/{library_id}/sources/{source_id}": ("library_not_found",),
    "DELETE /v1/libraries/{library_id}/sources/{source_id}": ("library_not_found",),
    "DELETE /v1/libraries/{library_id}/pages/{page_id}": ("library_not_found",),
    "PATCH /v1/libraries/{library_id}/pages/{page_id}": ("library_not_found",),
    "POST /v1/libraries/{library_id}/rollback": ("generation_not_found",),
}
#: What a 409 says, by route.
_CONFLICTS: Final[Mapping[str, tuple[str, ...]]] = {
    "POST /v1/jobs": (
        *("library_busy", "idempotency_conflict", "deleting", "nothing_to_process", "nothing_to_index"),
        "sources_changed",
    ),
    "DELETE /v1/jobs/{job_id}": ("active", "retrying"),
    "GET /v1/jobs/{job_id}/report": ("active",),
    "POST /v1/jobs/{job_id}/pause": ("terminal", "publishing", "cancelling"),
    "POST /v1/jobs/{job_id}/resume": ("terminal", "publishing", "cancelling", "leave_missing"),
    "POST /v1/jobs/{job_id}/cancel": ("terminal", "publishing"),
    "POST /v1/jobs/{job_id}/retry": ("active", "nothing_to_retry", "library_busy", "deleting"),
    "POST /v1/libraries": ("library_exists", "source_exists"),
    "PATCH /v1/libraries/{library_id}": ("library_busy", "library_exists", "source_exists"),
    "DELETE /v1/libraries/{library_id}": ("library_busy",),
    "POST /v1/libraries/{library_id}/sources": ("library_busy", "source_exists"),
    "PUT /v1/libraries/{library_id}/sources/{source_id}": ("library_busy", "source_exists"),
    "DELETE /v1/libraries/{library_id}/sources/{source_id}": ("library_busy",),
    "POST /v1/libraries/{library_id}/publish": ("active", "held", "no_pages", "not_processed", "published"),
    "POST /v1/libraries/{library_id}/verify": ("library_busy",),
    "POST /v1/libraries/{library_id}/replay": ("library_busy", "nothing_to_replay"),
    "GET /v1/libraries/{library_id}/diff": ("active",),
}
#: Types of a good answer besides `application/json`, by route.
_MEDIA: Final[Mapping[str, tuple[str, ...]]] = {
    "GET /v1/jobs/{job_id}/events": ("application/x-ndjson", "text/plain"),
    "GET /v1/jobs/{job_id}/urls": ("application/x-ndjson",),
    "GET /v1/jobs/{job_id}/report": ("application/zip",),
    "GET /v1/reports/{report_id}": ("application/zip",),
    "GET /v1/libraries/{library_id}/pages/{page_id}": ("text/markdown",),
    "GET /v1/jobs/{job_id}/download": ("text/markdown",),
    "GET /v1/libraries/{library_id}/export": (
        *("application/zip", "text/markdown", "application/x-ndjson", "text/plain", "application/warc"),
    ),
}
#: Bodies that name start URLs.
_WITH_URLS: Final = frozenset(
    {
        *("POST /v1/jobs", "POST /v1/map", "POST /v1/libraries", "PATCH /v1/libraries/{library_id}"),
        "POST /v1/libraries/{library_id}/sources",
        "PUT /v1/libraries/{library_id}/sources/{source_id}",
    }
)
#: A stream, and that there is nothing more to be streamed.
_ALL_JOBS: Final = "GET /v1/jobs/stream"
_STREAMS: Final = frozenset({"GET /v1/jobs/{job_id}/stream", _ALL_JOBS})
#: Routes that show a log, which has a retention.
_LOGS: Final = _STREAMS | {"GET /v1/jobs/{job_id}/events"}
_TEXT: Final = {"schema": {"type": "string"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What `http.md` tells of a route."""

    text: str
    curl: str


def introduction() -> str:
    """What stands before the first group of routes."""
    return _SOURCE.read_text(encoding="utf-8").split("\n## ")[0]


def told_routes() -> dict[str, Told]:
    """The routes of `http.md` by method and path."""
    parts = _HEADING.split(_SOURCE.read_text(encoding="utf-8"))
    return {name: _told(body.split("\n## ")[0]) for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def describe(app: FastAPI) -> None:
    """Let *app* describe itself whole; the description is made once, when it is first asked for."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(plain())
        return plain()

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to change it


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation by method and path."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def _complete(document: dict[str, Any]) -> None:
    document.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    told = told_routes()
    for name, operation in operations(document):
        if name in told:
            operation["description"] = told[name].text
            operation["x-codeSamples"] = [{"lang": "Shell", "label": "curl", "source": told[name].curl}]
        operation["responses"] = _answers(name, operation) | _problems(name, operation)


def _answers(name: str, operation: dict[str, Any]) -> dict[str, Any]:
    """The good answers."""
    if name in _STREAMS:
        whole = {"204": {"description": "The terminal event was seen: there is nothing more."}}
        shown = {"200": {"description": "Server-sent events.", "content": {"text/event-stream": _TEXT}}}
        return shown if name == _ALL_JOBS else shown | whole
    good = {status: one for status, one in operation["responses"].items() if status.startswith("2")}
    for one in good.values():
        one["content"] = one.get("content", {}) | dict.fromkeys(_MEDIA.get(name, ()), _TEXT)
    if name == "POST /v1/jobs":
        good["200"] = {"description": "The stream that was asked for.", "content": {"text/event-stream": _TEXT}}
    if name == "GET /healthz":
        content = {"application/json": {"schema": {"type": "object"}}}
        good["503"] = {"description": "A store does not answer.", "content": content}
    return good


def _problems(name: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    """The problems by status."""
    path = name.partition(" ")[2]
    if not path.startswith("/v1/"):
        return {"default": _problem("Anything else.")}
    codes: dict[str, tuple[str, ...]] = {"401": ("unauthorized",), "403": ("forbidden",)}
    if name.startswith("GET /v1/jobs/{job_id}") or name == _ALL_JOBS:
        codes["401"] += ("ticket_invalid", "ticket_expired")
    missing = next((code for parameter, code in _NOT_FOUND.items() if f"{{{parameter}}}" in path), None)
    if missing is not None:
        codes["404"] = (missing, *_ALSO_MISSING.get(name, ()))
    if name in _CONFLICTS:
        codes["409"] = _CONFLICTS[name]
    if name in _LOGS:
        codes["410"] = ("events_expired",)
    if "requestBody" in operation:
        codes["413"] = ("too_large",)
    codes |= {"422": ("invalid_input", "invalid_url") if name in _WITH_URLS else ("invalid_input",)}
    codes |= {"503": ("store_unavailable",)}
    answers = {status: _problem(_in_words(status, of)) for status, of in codes.items()}
    return answers | {"default": _problem("Anything else.")}


def _in_words(status: str, codes: tuple[str, ...]) -> str:
    words = " or ".join(f"`{code}`" for code in codes)
    return f"{words}: a body of more than {MOST_BYTES:,} bytes." if status == "413" else f"{words}."


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


def _told(body: str) -> Told:
    curl = "\n".join(found.strip() for found in _CODE.findall(body))
    return Told(text=_CODE.sub("", body).strip(), curl=curl)
