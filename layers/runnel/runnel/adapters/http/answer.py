"""One HTTP/1.1 answer as it arrives (RFC 9112), parsed by llhttp, within bounds.

Laws (tests/integration/test_http_connections.py):

* memory is bounded whatever arrives: header bytes and their number, wire bytes, decoded bytes;
* an answer is whole or it is none: a body that breaks off is `protocol`, not a page;
* where servers commonly stray from the grammar (a bare line feed, blanks after a chunk's size, odd bytes in a header's
  value) we are as lenient as browsers; never in how long a body is.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from runnel.adapters.http.body_room import Place
from runnel.domain.verdicts import ErrorCategory
from runnel.errors import FetchFailed
from runnel.fetching.answers import told_size
from runnel.fetching.decoding import BodyDecoder, BodyLimits

MAX_HEADERS: Final = 256
MAX_HEADER_LINE_BYTES: Final = 16 * 1024
MAX_HEADERS_BYTES: Final = 64 * 1024
_MAX_CHARSET_LENGTH: Final = 40
#: `;name=value`, the value in quotes (what follows them does not count) or up to the next separator.
_PARAMETER: Final = re.compile(r';[ \t]*([^;="\s]*)=(?:"((?:[^"\\]|\\.)*)"?[^;]*|([^;,]*))')
#: No header section is over this, however it is split into pieces: the parser gathers a header before we see it.
_GATHERED_BYTES: Final = 4 * MAX_HEADERS_BYTES


class Answer:
    """One answer: `feed` what arrives, `end` when the server closes; then read it."""

    def __init__(
        self, limits: BodyLimits, types: frozenset[str] = frozenset(),
        *, cut_bytes: int | None = None, has_body: bool = True,
    ) -> None:  # fmt: skip
        """Prepare for one answer.

        Args:
            limits: how big the body may be.
            types: a good answer of none of them is not worth its body (empty: all are).
            cut_bytes: where the decoded body ends, whatever follows.
            has_body: False for an answer to HEAD: it ends with its headers.
        """
        self._limits = limits
        self._types = types
        self._cut_bytes = cut_bytes
        self._has_body = has_body
        self._parser = HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._decoder: BodyDecoder | None = None
        self._failure: FetchFailed | None = None
        self._header_bytes = self._header_count = self._received_bytes = 0
        self.status = 0
        #: Names in lower case; repeated headers joined by a comma.
        self.headers: dict[str, str] = {}
        self.content_type = ""
        self.charset: str | None = None
        self.is_complete = False
        #: Leave to be long.
        self.place: Place | None = None
        #: Called when reading stands still for want of a place, and when it goes on.
        self.waits: Callable[[], None] = _nothing
        self.goes_on: Callable[[], None] = _nothing
        #: Whether the connection may carry another exchange.
        self.keeps_alive = False

    @property
    def has_begun(self) -> bool:
        """Whether a byte of it has arrived."""
        return self._received_bytes > 0

    @property
    def decoded_bytes(self) -> int:
        """The size of the body so far."""
        return self._decoder.decoded_bytes if self._decoder is not None else 0

    @property
    def wire_bytes(self) -> int:
        """The body's size before its codings were undone."""
        return self._decoder.wire_bytes if self._decoder is not None else 0

    def body(self) -> bytes:
        """The decoded body; raises `FetchFailed` (decode) when it broke off inside a coding."""
        if self._decoder is None:
            return b""
        return self._decoder.finish() if self._cut_bytes is None else self._decoder.cut(self._cut_bytes)

    def feed(self, data: bytes) -> None:
        """Take what arrived; raises `FetchFailed` (protocol, too_large, decode, unsupported_type)."""
        self._check_size()
        self._received_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            raise FetchFailed(ErrorCategory.PROTOCOL, "the server changes to another protocol") from None
        except HttpParserError as error:
            raise self._failure or FetchFailed(
                ErrorCategory.PROTOCOL, f"the answer is not valid HTTP: {error}"
            ) from None

    def end(self) -> None:
        """The server has closed; raises `FetchFailed` (connect, protocol) unless that ends the answer."""
        if self.is_complete:
            return
        if not self.has_begun:
            raise FetchFailed(ErrorCategory.CONNECT, "no connection, or it was cut: the server closed it unanswered")
        if self._decoder is None or "content-length" in self.headers or "transfer-encoding" in self.headers:
            raise FetchFailed(ErrorCategory.PROTOCOL, "the answer is not valid HTTP: it breaks off")
        self.is_complete = True

    def take_place(self, place: Place) -> None:
        """There is room for all of it."""
        self.place = place
        self.goes_on()

    def leave_room(self) -> None:
        """Nobody will have the body."""
        if self.place is not None:
            self.place.leave()

    def release(self) -> None:
        """Part from the parser: it holds us as we hold it, and the body would wait for the garbage collector."""
        del self._parser

    # ---- what the parser calls: nothing may be raised here but through `_fail`, or its reason would be lost

    def on_message_begin(self) -> None:
        """Begin an answer, or the one that follows an interim one; one that nobody asked for spoils the connection."""
        if self.is_complete:
            self.keeps_alive = False
        else:
            self.headers.clear()

    def on_header(self, name_bytes: bytes, value_bytes: bytes) -> None:
        """Take a header, or a trailer, which is only counted."""
        size = len(name_bytes) + len(value_bytes)
        self._header_bytes += size
        self._header_count += 1
        if size > MAX_HEADER_LINE_BYTES or self._header_count > MAX_HEADERS:
            self._fail(ErrorCategory.PROTOCOL, "the answer's headers are too many, or one is too long")
        if self._header_bytes > MAX_HEADERS_BYTES:
            self._fail(ErrorCategory.TOO_LARGE, f"the headers are over {MAX_HEADERS_BYTES:,} bytes")
        if self._decoder is None:
            name, value = name_bytes.decode("latin-1").lower(), value_bytes.decode("utf-8", errors="replace")
            self.headers[name] = f"{self.headers[name]}, {value}" if name in self.headers else value

    def on_headers_complete(self) -> None:
        """Decide whether the body is wanted."""
        if self.is_complete:
            return
        self.status = self._parser.get_status_code()
        if self.status < 200:  # an interim answer: the real one follows
            return
        if not self._parser.get_http_version().startswith("1."):
            self._fail(ErrorCategory.PROTOCOL, "the answer is not valid HTTP: not of version 1")
        self.content_type, self.charset = content_type_of(self.headers.get("content-type", ""))
        if not self._has_body:
            self.is_complete = True
            self.keeps_alive = self._parser.should_keep_alive()
            return
        if self._types and self.status < 300 and self.content_type not in {"", *self._types}:
            self._refuse_type()
        try:
            self._decoder = BodyDecoder(self.headers.get("content-encoding", ""), self._limits)
        except FetchFailed as failure:
            self._failure = failure
            raise

    def on_body(self, data: bytes) -> None:
        """Decode a piece of the body; one that should not be there ends the connection."""
        if self._decoder is None or self.is_complete:
            self.keeps_alive = False
            return
        try:
            self._decoder.feed(data)
        except FetchFailed as failure:
            self._failure = failure
            raise
        if self._cut_bytes is not None and self._decoder.decoded_bytes >= self._cut_bytes:
            self.is_complete = True  # and the connection ends, for the rest is still to come

    def on_message_complete(self) -> None:
        """Note the end."""
        if self._decoder is not None and not self.is_complete:
            self.is_complete = True
            self.keeps_alive = self._parser.should_keep_alive()

    def _refuse_type(self) -> None:
        kind, size_bytes = self.content_type[:80], told_size(self.headers)
        told = "" if size_bytes is None else f" ({size_bytes:,} bytes)"
        message = f"{kind}{told} is no page"
        self._failure = FetchFailed(ErrorCategory.UNSUPPORTED_TYPE, message, told=(self.status, kind, size_bytes))
        raise self._failure

    def _fail(self, category: ErrorCategory, message: str) -> None:
        self._failure = FetchFailed(category, message)
        raise self._failure

    def _check_size(self) -> None:
        """Bound what the parser gathers before it calls us."""
        if self._decoder is None and self._received_bytes > _GATHERED_BYTES:
            raise FetchFailed(ErrorCategory.TOO_LARGE, f"the headers are over {MAX_HEADERS_BYTES:,} bytes")
        if self._received_bytes > 2 * self._limits.wire_bytes + _GATHERED_BYTES:  # chunks of a byte, endless trailers
            raise FetchFailed(ErrorCategory.TOO_LARGE, f"the body is over {self._limits.wire_bytes:,} bytes")


def _nothing() -> None:
    """Nobody wants to know."""


@lru_cache(maxsize=256)  # a site has a handful
def content_type_of(header: str) -> tuple[str, str | None]:
    """Split a Content-Type into type and charset, both in lower case, as the standard's parser of MIME types does.

    Of a repeated header the first counts; a charset in single quotes, or with a blank before `=`, is none.
    """
    header = header.lower()
    kind = header.partition(";")[0].partition(",")[0].strip()
    for name, quoted, plain in _PARAMETER.findall(header):
        value = quoted or plain.strip()
        if name == "charset" and value:
            return kind, value[:_MAX_CHARSET_LENGTH]
    return kind, None
