"""`/docs`: the routes as one page of plain HTML, from the same description as `/openapi.json`; nothing is loaded."""

from html import escape
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter()

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}"
    "code{font-family:ui-monospace,monospace}h2{font-size:1rem;margin:2rem 0 0}td{padding-right:1rem}"
    "pre{overflow-x:auto}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}a{color:#8bf}}"
)
#: The page needs nothing but its own style.
_HEADERS: Final = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """Every route with its parameters."""
    described: dict[str, Any] = request.app.openapi()
    routes = "".join(
        _route(method.upper(), path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    )
    title = f"{described['info']['title']} {described['info']['version']}"
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
        f'<h1>{escape(title)}</h1><p>For programs: <a href="openapi.json">openapi.json</a>.</p>{routes}</html>'
    )
    return HTMLResponse(page, headers=_HEADERS)


def _route(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td></tr>"
        for one in operation.get("parameters", ())
    )
    return (
        f"<h2><code>{method} {escape(path)}</code></h2><p><strong>{escape(operation.get('summary', ''))}.</strong> "
        f"{escape(operation.get('description', ''))}</p><pre>{escape(_curl(operation))}</pre><table>{rows}</table>"
    )


def _curl(operation: dict[str, Any]) -> str:
    return "\n".join(sample["source"] for sample in operation.get("x-codeSamples", ()))
