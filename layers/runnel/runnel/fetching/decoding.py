"""Bodies as they arrive, their content codings undone, within bounds.

Laws (tests/unit/fetching/test_decoding.py):

* memory is bounded whatever arrives: the limits hold while bytes come in, not after;
* a body that breaks a limit is `too_large`; one that is not what its header says is `decode`;
* only codings of the standard library are offered (`ACCEPT_ENCODING`), at most two of them one in another.
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from runnel.domain.verdicts import ErrorCategory
from runnel.errors import FetchFailed

ACCEPT_ENCODING: Final = "gzip, deflate"
MAX_CODINGS: Final = 2

_PIECE_BYTES: Final = 256 * 1024
_GZIP: Final = 31
_ZLIB: Final = 15
_RAW: Final = -15


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """How big a body may be."""

    wire_bytes: int = 10 * 1024 * 1024
    decoded_bytes: int = 50 * 1024 * 1024
    #: Decoded to wire, at most; counted only above the floor, since a small page of blanks packs well too.
    ratio: int = 100
    ratio_floor_bytes: int = 1024 * 1024


class BodyDecoder:
    """One response's body: `feed` what arrives, then `finish`."""

    def __init__(self, content_encoding: str, limits: BodyLimits) -> None:
        """Prepare for the codings that the header names; raises `FetchFailed` for those we did not offer."""
        self._limits = limits
        self._codings = [_coding(name) for name in reversed(_names(content_encoding))]
        self._pieces: list[bytes] = []
        self._decoded_bytes = 0
        self.wire_bytes = 0

    def feed(self, data: bytes) -> None:
        """Take what arrived; raises `FetchFailed` (too_large, decode)."""
        self.wire_bytes += len(data)
        if self.wire_bytes > self._limits.wire_bytes:
            raise FetchFailed(ErrorCategory.TOO_LARGE, f"the body is over {self._limits.wire_bytes:,} bytes")
        pieces: Iterable[bytes] = (data,)
        for coding in self._codings:
            pieces = _through(coding, pieces)
        for piece in pieces:
            self._keep(piece)

    def finish(self) -> bytes:
        """Give the decoded body; raises `FetchFailed` (decode) when it broke off."""
        if self.wire_bytes and not all(coding.is_complete for coding in self._codings):
            raise FetchFailed(ErrorCategory.DECODE, "the compressed body breaks off")
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    @property
    def decoded_bytes(self) -> int:
        """How much of the body is decoded so far."""
        return self._decoded_bytes

    def cut(self, most_bytes: int) -> bytes:
        """Give the decoded body so far, *most_bytes* of it; it need not be over."""
        return b"".join(self._pieces)[:most_bytes]

    def _keep(self, piece: bytes) -> None:
        """Keep a decoded piece if the limits allow it."""
        limits = self._limits
        self._pieces.append(piece)
        self._decoded_bytes += len(piece)
        if self._decoded_bytes > limits.decoded_bytes:
            raise FetchFailed(ErrorCategory.TOO_LARGE, f"the decoded body is over {limits.decoded_bytes:,} bytes")
        if self._decoded_bytes > max(limits.ratio_floor_bytes, limits.ratio * self.wire_bytes):
            raise FetchFailed(ErrorCategory.TOO_LARGE, f"the body unpacks to over {limits.ratio} times its size")


class _Coding(Protocol):
    """One content coding being undone."""

    @property
    def is_complete(self) -> bool:
        """Whether the coded data came to its end."""
        ...

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Decode *data*, a bounded piece at a time; raises `zlib.error`."""
        ...


class _Gzip:
    """Gzip: members one after the other; what follows the last and is none is ignored, as browsers do."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._is_first = True
        self._has_output = False
        self._is_over = False

    @property
    def is_complete(self) -> bool:
        return self._is_over or self._member.eof or not (self._is_first or self._has_output)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while data and not self._is_over:
            if self._member.eof:
                self._member, self._is_first, self._has_output = zlib.decompressobj(_GZIP), False, False
            try:
                yield from self._member_pieces(data)
            except zlib.error:
                self._is_over = not (self._is_first or self._has_output)
                if not self._is_over:
                    raise
            data = self._member.unused_data

    def _member_pieces(self, data: bytes) -> Iterator[bytes]:
        for piece in _inflate(self._member, data):
            self._has_output = True
            yield piece


class _Deflate:
    """Deflate: with a zlib header as the standard says, or bare as some servers send it."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_ZLIB)
        self._has_begun = False

    @property
    def is_complete(self) -> bool:
        return self._stream.eof

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if not self._has_begun:
            self._has_begun = True
            data, self._stream = self._begin(data)
        yield from _inflate(self._stream, data)

    def _begin(self, data: bytes) -> tuple[bytes, "zlib._Decompress"]:
        """Tell from the first byte whether a zlib header is there: its low half is 8, its high half at most 7."""
        is_zlib = data[0] & 0x8F == 0x08
        return data, self._stream if is_zlib else zlib.decompressobj(_RAW)


def _inflate(stream: "zlib._Decompress", data: bytes) -> Iterator[bytes]:
    """Decode *data* to the end of the stream; a full piece may have left output inside the stream."""
    is_full = True
    while (data or is_full) and not stream.eof:
        piece = stream.decompress(data, _PIECE_BYTES)
        data, is_full = stream.unconsumed_tail, len(piece) == _PIECE_BYTES
        if piece:
            yield piece


def _names(content_encoding: str) -> list[str]:
    """List the codings in the order they were applied; raises `FetchFailed` when there are too many."""
    names = [name for part in content_encoding.lower().split(",") if (name := part.strip()) not in {"", "identity"}]
    if len(names) > MAX_CODINGS:
        raise FetchFailed(ErrorCategory.DECODE, f"{len(names)} content codings one in another")
    return names


def _coding(name: str) -> _Coding:
    """Give the decoder of a coding; raises `FetchFailed` (decode) for one that we did not offer."""
    if name in {"gzip", "x-gzip"}:
        return _Gzip()
    if name == "deflate":
        return _Deflate()
    raise FetchFailed(ErrorCategory.DECODE, f"the content coding '{name[:40]}' was not asked for")


def _through(coding: _Coding, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Decode each piece; raises `FetchFailed` (decode) for damaged data."""
    try:
        for piece in pieces:
            if piece:
                yield from coding.pieces(piece)
    except zlib.error as error:
        raise FetchFailed(ErrorCategory.DECODE, f"the compressed body is damaged: {error}") from error
