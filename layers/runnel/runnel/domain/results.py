"""The result object of one processor invocation: two gzip members of JSON lines.

The first member holds a summary, then the pages as a manifest lists them; the second the rest of each page, which a
manifest only points to. So the driver reads a line, publishing copies the short lines, and nobody copies the long ones.
"""

import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import TypeAdapter

from runnel.domain.payloads import PageDetails, ProcessResult, StoredPage

_LEVEL: Final = 1
#: zlib's sign for the gzip format; its header carries no time, so equal text packs to equal bytes.
_GZIP: Final = 31
#: What a manifest does not repeat: long, or asked for by few.
DETAILS: Final = frozenset({"links", "headings", "raw", "content_type", "charset", "hidden", "twin"})
_NOT_LISTED: Final = set(DETAILS)
_NOT_TOLD: Final = {*DETAILS, "details"}
#: Pydantic's own parts of the model: to call them by way of the model costs as much again.
_PAGE: Final = StoredPage.__pydantic_serializer__
_PAGES: Final = TypeAdapter(list[StoredPage])
_SUMMARY: Final = {"outcomes": {"__all__": {"page": {*DETAILS, "metadata", "description", "details"}}}}


def encode_result(result: ProcessResult) -> bytes:
    """The object's bytes, the same for the same result."""
    pages = [outcome.page for outcome in result.outcomes if outcome.page]
    heads = (_PAGE.to_json(page, exclude=_NOT_TOLD, exclude_defaults=True).decode() for page in pages)
    rest = (page.model_dump_json(include=set(DETAILS)) for page in pages)
    return _pack([result.model_dump_json(exclude=_SUMMARY), *heads]) + _pack(rest)


def decode_summary(body: bytes) -> ProcessResult:
    """The result with each page cut down to what the events tell."""
    return ProcessResult.model_validate_json(_unpack(body)[0].split(b"\n", 1)[0])


def decode_pages(body: bytes, key: str) -> Iterator[StoredPage]:
    """The pages as a manifest lists them; *key* is where the object lies, and so the rest of each page."""
    place = json.dumps(key).encode()
    # Written into the text that is read anyway: to copy a model costs more than to read it.
    yield from read_pages(
        b'%b,"details":[%b,%d]}' % (text[:-1], place, line)
        for line, text in enumerate(_unpack(body)[0].split(b"\n")[1:])
    )


def write_page(page: StoredPage) -> bytes:
    """A page as a manifest lists it, in a line; what it leaves out is as `StoredPage` has it by default."""
    return _PAGE.to_json(page, exclude=_NOT_LISTED, exclude_defaults=True)


def read_pages(lines: Iterable[bytes]) -> list[StoredPage]:
    """The pages of these lines, read at once; raises `ValidationError`."""
    return _PAGES.validate_json(b"[" + b",".join(lines) + b"]")


def add_details(body: bytes, pages: Iterable[StoredPage]) -> Iterator[StoredPage]:
    """The *pages* whose details this object holds, whole; those that it does not hold are left out."""
    lines = _unpack(_unpack(body)[1])[0].split(b"\n")
    for page in pages:
        if page.details is not None and page.details[1] < len(lines):
            rest = PageDetails.model_validate_json(lines[page.details[1]])
            yield page.model_copy(update={name: getattr(rest, name) for name in DETAILS})


def _pack(lines: Iterable[str]) -> bytes:
    return zlib.compress("\n".join(lines).encode("utf-8", "replace"), _LEVEL, _GZIP)


def _unpack(body: bytes) -> tuple[bytes, bytes]:
    """The first member, and the bytes behind it; raises `zlib.error` when it is cut short."""
    member = zlib.decompressobj(_GZIP)
    text = member.decompress(body)
    if not member.eof:
        raise zlib.error("the object is cut short")
    return text, member.unused_data
