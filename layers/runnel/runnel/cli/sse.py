"""Server-sent events as they come over a connection that may be cut at any byte.

Follows the WHATWG rules, but for one: lines end with LF or CRLF, not with CR alone, which our servers never send.
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One whole event."""

    data: bytes
    id: str | None = None
    event: str = "message"


class SseParser:
    """Takes bytes, gives whole frames; what was cut off is dropped with the parser."""

    def __init__(self) -> None:
        """Begin a connection."""
        self.retry_ms: int | None = None
        self._rest = b""
        self._data: list[bytes] = []
        self._event = "message"
        self._id: str | None = None

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that *data* completes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            frame = self._take(line.removesuffix(b"\r"))
            if frame is not None:
                yield frame

    def _take(self, line: bytes) -> Frame | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"id":
            self._id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit():
            self.retry_ms = int(value)
        return None

    def _dispatch(self) -> Frame | None:
        frame = Frame(data=b"\n".join(self._data), id=self._id, event=self._event) if self._data else None
        self._clear()
        return frame

    def _clear(self) -> None:
        self._data, self._event, self._id = [], "message", None
