"""What the log keeps of a crawled page beside its event: for the processor, and for a later driver."""

from typing import Any, Final

from runnel.domain.effects import Note
from runnel.domain.jobs import DEFAULT_SOURCE
from runnel.domain.payloads import FetchedPage, MarkdownTwin
from runnel.domain.verdicts import ErrorCategory, FetchError, RawRef

EMPTY_PAGE: Final = FetchError(
    category=ErrorCategory.EMPTY_PAGE,
    message="The page has no text.",
)
SHELL: Final = FetchError(
    category=ErrorCategory.EMPTY_PAGE,
    message="The page has no text: a browser would build it with JavaScript, which Runnel does not run. "
    "Look for a version of the site that is built beforehand, or for its Markdown (llms.txt).",
)


def noindex_rule(page: FetchedPage) -> str:
    """Where a page says that it is not to be kept."""
    return "X-Robots-Tag: noindex" if page.robots_tag else "noindex"


def page_note(page: FetchedPage, canonical: str | None, attempts: int, source_id: str) -> Note:
    """What the processor and a later driver need of a crawled page, beside its event."""
    note: dict[str, Any] = {
        "raw": [page.raw.key, page.raw.offset, page.raw.length_bytes] if page.raw else None,
        "type": page.content_type,
        "charset": page.charset,
        "etag": page.etag,
        "modified": page.last_modified,
        "at": page.fetched_at,
        "canonical": canonical,
        "text": page.text_hash or None,
        "attempts": attempts if attempts > 1 else None,
        "nofollow": page.nofollow or None,
        "twin": _place(page.twin) if page.twin else None,
        "source": source_id if source_id != DEFAULT_SOURCE else None,
    }
    return {name: value for name, value in note.items() if value is not None}


def twin_of(note: Note) -> MarkdownTwin | None:
    """The site's own Markdown of a page, as its note has it."""
    if "twin" not in note:
        return None
    url, key, offset, length_bytes, charset = note["twin"]
    return MarkdownTwin(url=url, raw=RawRef(key=key, offset=offset, length_bytes=length_bytes), charset=charset)


def _place(twin: MarkdownTwin) -> list[str | int | None]:
    return [twin.url, twin.raw.key, twin.raw.offset, twin.raw.length_bytes, twin.charset]
