"""How a page goes to a worker process and its reading comes back: lengths, then the parts as they are.

Laws: bodies and Markdown travel as bytes, never inside another encoding; only small facts are JSON, which, unlike
pickle, can do nothing to whoever reads it. An answer that is the number of its process says "ready" and comes once,
first.
"""

import json
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from runnel.errors import PageUnreadable
from runnel.extraction.learning import PageMarks
from runnel.extraction.page import PageReading

#: Lengths of URL, charset, stem, blocks, what stands before and behind the body in its file, and body; then whether to
#: render, and what is asked.
REQUEST: Final = struct.Struct(">IIIIIII?B")

#: What is asked of a page: its reading, what it tells of its site, which blocks of others it has.
READ: Final = 0
MARKS: Final = 1
PRESENT: Final = 2

#: Where a response lies in a file: path and offset.
Lies = tuple[str, int]

#: Lengths of facts, links, Markdown and packed Markdown.
ANSWER: Final = struct.Struct(">IIII")

#: Room for a score of usual answers; a longer one makes its own. Below the least, a read would be a small one.
BUFFER_BYTES: Final = 256 * 1024
LEAST_ROOM_BYTES: Final = 64 * 1024

#: Undecodable text cannot leave the parser, yet one such page must not end a worker.
ERRORS: Final = "replace"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """One page to read."""

    body: bytes
    url: str
    charset: str | None
    render: bool
    #: Where the body is to be appended, and what stands around it there; "" for nowhere.
    stem: str = ""
    around: tuple[bytes, bytes] = (b"", b"")
    #: What the site repeats; for `PRESENT`, the blocks that are looked for.
    blocks: tuple[str, ...] = ()
    asks: int = READ


def pack_request(request: PageRequest) -> bytes:
    """Return what stands before the body on the wire; the body follows as it is."""
    texts = (request.url, request.charset or "", request.stem, "\n".join(request.blocks))
    parts = (*(text.encode(errors=ERRORS) for text in texts), *request.around)
    return b"".join((REQUEST.pack(*map(len, parts), len(request.body), request.render, request.asks), *parts))


def next_request(pipe: BinaryIO) -> PageRequest | None:
    """Wait for the next page; None when the other end is gone."""
    head = pipe.read(REQUEST.size)
    if len(head) < REQUEST.size:
        return None
    *lengths, render, asks = REQUEST.unpack(head)
    parts = [pipe.read(length) for length in lengths]
    if [len(part) for part in parts] != lengths:
        return None
    url, charset, stem, blocks, before, behind, body = parts
    return PageRequest(
        body=body,
        url=url.decode(),
        charset=charset.decode() or None,
        render=render,
        stem=stem.decode(),
        around=(before, behind),
        blocks=tuple(blocks.decode().split("\n")) if blocks else (),
        asks=asks,
    )


def pack_ready(pid: int) -> bytes:
    """Return the answer that says that process *pid* is ready."""
    return _packed(str(pid).encode(), b"", b"", b"")


def pack_reading(reading: PageReading, lies: Lies | None = None) -> bytes:
    """Return a reading as an answer, with the place of its response if it was appended."""
    facts = json.dumps([
        reading.title, reading.description, reading.lang, reading.links_truncated, reading.nofollow, reading.noindex,
        reading.canonical, reading.refresh, reading.refresh_s, reading.headings, reading.words, reading.body_hash,
        reading.content_hash, reading.nofollow_links, reading.text_hash, reading.hidden, reading.is_wide,
        reading.profile, reading.modified, reading.version, reading.breadcrumbs, reading.is_shell, reading.quality,
        reading.quality_reason, reading.chunks, reading.is_empty, reading.twin,
        lies,
    ]).encode()  # fmt: skip
    links = "\n".join(reading.links).encode(errors=ERRORS)  # a URL of the standard holds no line feed
    return _packed(facts, links, reading.utf8, reading.markdown_gz)


def pack_marks(marks: PageMarks) -> bytes:
    """Return what a page of a sample tells as an answer."""
    return _packed(json.dumps({"kept": sorted(marks.kept), "title": marks.title}).encode(), b"", b"", b"")


def pack_error(error: PageUnreadable) -> bytes:
    """Return the answer for a page that cannot be read."""
    return _packed(json.dumps({"message": error.message, "category": error.category}).encode(), b"", b"", b"")


def pack_failure(error: OSError) -> bytes:
    """Return the answer for a page whose response cannot be stored."""
    return _packed(json.dumps({"errno": error.errno, "strerror": error.strerror}).encode(), b"", b"", b"")


class AnswerBuffer:
    """Where answers arrive: bytes go in as they come, whole answers go out."""

    __slots__ = ("_end", "_start", "_view")

    def __init__(self) -> None:
        """Begin empty."""
        self._view = memoryview(bytearray(BUFFER_BYTES))
        self._start = self._end = 0  # what lies between is not taken yet

    def room(self) -> memoryview:
        """Return where the next bytes go, never nothing; what waits may move for it."""
        if self._start == self._end:
            self._start = self._end = 0
        elif len(self._view) - self._end < LEAST_ROOM_BYTES:
            waiting = self._view[self._start : self._end]
            view = memoryview(bytearray(max(BUFFER_BYTES, 2 * len(waiting))))
            view[: len(waiting)] = waiting
            self._view, self._start, self._end = view, 0, len(waiting)
        return self._view[self._end :]

    def received(self, count: int) -> None:
        """Take note of *count* bytes in the room."""
        self._end += count

    def take(self) -> tuple[bytes, bytes, bytes, bytes] | None:
        """Take the first whole answer; None when it is not all there yet."""
        if self._end - self._start < ANSWER.size:
            return None
        facts, links, markdown, packed = ANSWER.unpack_from(self._view, self._start)
        at = self._start + ANSWER.size
        end = at + facts + links + markdown + packed
        if end > self._end:
            return None
        self._start = end
        view = self._view
        return (
            view[at : (at := at + facts)].tobytes(),
            view[at : (at := at + links)].tobytes(),
            view[at : (at := at + markdown)].tobytes(),
            view[at:end].tobytes(),
        )


def unpack_marks(parts: tuple[bytes, bytes, bytes, bytes]) -> PageMarks:
    """Return what a page of a sample tells; raises the `PageUnreadable` that an answer says instead."""
    facts = json.loads(parts[0].decode())
    if "kept" not in facts:
        raise _error_of(facts)
    return PageMarks(kept=frozenset(facts["kept"]), title=facts["title"])


def unpack_reading(parts: tuple[bytes, bytes, bytes, bytes]) -> tuple[PageReading, Lies | None]:
    """Return the reading in an answer and where its response lies; raises the `PageUnreadable`, `OSError` it says."""
    facts = json.loads(parts[0].decode())
    if isinstance(facts, dict):
        raise _error_of(facts)
    (
        title, description, lang, truncated, nofollow, noindex, canonical, refresh,
        refresh_s, headings, words, body, content, nofollow_links, text_hash, hidden, is_wide, profile,
        modified, version, breadcrumbs, is_shell, quality, quality_reason, chunks, is_empty, twin, lies,
    ) = facts  # fmt: skip
    reading = PageReading(
        title=title,
        description=description,
        lang=lang,
        links=tuple(parts[1].decode().split("\n")) if parts[1] else (),
        links_truncated=truncated,
        nofollow=nofollow,
        noindex=noindex,
        canonical=canonical,
        refresh=refresh,
        refresh_s=refresh_s,
        twin=twin,
        nofollow_links=tuple(nofollow_links),
        headings=tuple(map(tuple, headings)),
        hidden=tuple(map(tuple, hidden)),
        is_wide=is_wide,
        profile=profile,
        modified=modified,
        version=version,
        breadcrumbs=tuple(breadcrumbs),
        is_shell=is_shell,
        quality=quality,
        quality_reason=quality_reason,
        chunks=chunks,
        words=words,
        is_empty=is_empty,
        text_hash=text_hash,
        body_hash=body,
        utf8=parts[2],
        content_hash=content,
        markdown_gz=parts[3],
    )
    return reading, tuple(lies) if lies else None


def _error_of(said: dict[str, Any]) -> PageUnreadable | OSError:
    """Give what the worker says instead of a reading."""
    if "errno" in said:
        return OSError(said["errno"], said["strerror"])
    return PageUnreadable(said["message"], category=said["category"])


def _packed(*parts: bytes) -> bytes:
    return b"".join((ANSWER.pack(*map(len, parts)), *parts))
