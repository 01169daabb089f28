"""Bodies: codings undone, limits kept while bytes arrive."""

import gzip
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.errors import FetchFailed
from runnel.fetching.decoding import BodyDecoder, BodyLimits

TEXT = b"<p>hello</p>" * 500
LIMITS = BodyLimits()


def decode(body: bytes, encoding: str, *, limits: BodyLimits = LIMITS, step: int = 1000) -> bytes:
    """Feed *body* in steps and finish."""
    decoder = BodyDecoder(encoding, limits)
    for start in range(0, len(body), step):
        decoder.feed(body[start : start + step])
    return decoder.finish()


def raw_deflate(data: bytes) -> bytes:
    """Deflate without the zlib header, as some servers send it."""
    return zlib.compress(data)[2:-4]


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("X-GZIP", gzip.compress(TEXT, mtime=0)),
        ("gzip", gzip.compress(TEXT[:10], mtime=0) + gzip.compress(TEXT[10:], mtime=0)),
        ("gzip", gzip.compress(TEXT, mtime=0) + b"\0"),
        ("gzip", gzip.compress(TEXT, mtime=0) + b"\0\0 garbage"),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw_deflate(TEXT)),
        ("gzip, deflate", zlib.compress(gzip.compress(TEXT, mtime=0))),
        ("deflate, gzip", gzip.compress(zlib.compress(TEXT), mtime=0)),
    ],
)
def test_every_offered_coding_is_undone(encoding: str, body: bytes, step: int) -> None:
    """However the bytes are cut on their way."""
    assert decode(body, encoding, step=step) == TEXT


def test_a_body_that_packs_well_is_decoded_whole() -> None:
    """Output that waits inside the decoder when the input is used up must not be lost."""
    body = b"\0" * 900_001

    assert decode(gzip.compress(body, mtime=0), "gzip") == body


def test_an_empty_body_may_claim_any_coding() -> None:
    """Servers send the header with 304 and with empty answers."""
    assert decode(b"", "gzip") == b""


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", b"<html>not packed"),
        ("gzip", gzip.compress(TEXT, mtime=0)[:-9]),
        ("deflate", zlib.compress(TEXT)[:-9]),
        ("gzip", gzip.compress(TEXT, mtime=0) + gzip.compress(TEXT, mtime=0)[:40]),
        ("br", b"x"),
        ("gzip, gzip, gzip", b"x"),
    ],
)
def test_a_body_that_is_not_what_it_claims_is_a_decode_failure(encoding: str, body: bytes) -> None:
    """Half a page must not be taken for the page."""
    with pytest.raises(FetchFailed) as failure:
        decode(body, encoding)

    assert failure.value.category == "decode"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compression_bomb_is_stopped_by_its_ratio(encoding: str) -> None:
    """Ten megabytes on the wire could be ten gigabytes in memory."""
    packed = gzip.compress(b"\0" * 20_000_000, mtime=0) if encoding == "gzip" else zlib.compress(b"\0" * 20_000_000)
    decoder = BodyDecoder(encoding, LIMITS)
    with pytest.raises(FetchFailed) as failure:
        decoder.feed(packed)

    assert failure.value.category == "too_large"
    assert decoder._decoded_bytes < 3_000_000  # noqa: SLF001  # the point: it was not unpacked first


def test_a_bomb_inside_a_bomb_is_stopped_too() -> None:
    """The inner one is small on the wire and in its first unpacking."""
    with pytest.raises(FetchFailed) as failure:
        decode(gzip.compress(gzip.compress(b"\0" * 20_000_000)), "gzip, gzip")

    assert failure.value.category == "too_large"


@pytest.mark.parametrize("limits", [BodyLimits(wire_bytes=5000), BodyLimits(decoded_bytes=5000)])
def test_wire_and_decoded_size_are_limited(limits: BodyLimits) -> None:
    """Each limit alone stops an endless body."""
    with pytest.raises(FetchFailed) as failure:
        decode(TEXT, "", limits=limits)

    assert failure.value.category == "too_large"


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "gzip, deflate", ""]), st.integers(1, 50))
def test_any_bytes_are_decoded_or_refused_with_our_error(body: bytes, encoding: str, step: int) -> None:
    """A hostile server must not crash the crawler."""
    with suppress(FetchFailed):
        decode(body, encoding, step=step)
