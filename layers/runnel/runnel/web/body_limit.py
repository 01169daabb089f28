"""A bound for request bodies: what is longer is refused with a problem, before it is read or as soon as it is seen."""

from typing import Final

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runnel.web.problems import problem

MOST_BYTES: Final = 1_000_000
_TOO_LARGE: Final = f"A request body may have at most {MOST_BYTES:,} bytes."


class BodyLimit:
    """Wraps an app; Starlette's own limit answers plain text, so we count ourselves."""

    def __init__(self, app: ASGIApp) -> None:
        """Guard *app*."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        length = Headers(scope=scope).get("content-length", "") if scope["type"] == "http" else ""
        if length.isdecimal() and int(length) > MOST_BYTES:
            await problem(413, "too_large", _TOO_LARGE)(scope, receive, send)
            return
        read_bytes = 0

        async def counted() -> Message:
            nonlocal read_bytes
            message = await receive()
            read_bytes += len(message.get("body", b""))
            if read_bytes > MOST_BYTES:
                raise HTTPException(413, _TOO_LARGE)
            return message

        await self._app(scope, counted, send)
