"""HEAD: what GET would answer, without its body, and without what GET would begin.

A route that streams is not streamed: no reader is counted, no driver begins (`asks_for_head_only`). Of every other
response the body is cut off as soon as its head is out, as if the client had left.
"""

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_KEY = "runnel.head"


def asks_for_head_only(request: Request) -> bool:
    """Whether nobody will read the body."""
    return bool(request.scope.get(_KEY))


class HeadAnswers:
    """Wraps an app whose routes know GET."""

    def __init__(self, app: ASGIApp) -> None:
        """Answer for *app*."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        has_ended = False

        async def send_head(message: Message) -> None:
            nonlocal has_ended
            if has_ended:
                raise OSError("nobody reads the body of a HEAD")
            has_ended = message["type"] == "http.response.body"
            await send({"type": "http.response.body", "body": b""} if has_ended else message)

        try:
            await self._app({**scope, "method": "GET", _KEY: True}, receive, send_head)
        except (ClientDisconnect, OSError):
            if not has_ended:
                raise
