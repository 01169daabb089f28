"""Events as lines for people: `<time> <LEVEL> <type> <the fields that matter>`, with `[ i / n ]` where n is known.

Content is hostile: control characters are escaped, so a line stays a line and a terminal stays as it was.
"""

from collections.abc import Mapping
from typing import Any, Final

from runnel.domain.events import DurableEvent
from runnel.domain.instants import format_time

LEVELS: Final = ("debug", "info", "warning", "error")
_BY_TYPE: Final = {
    "url_started": "debug",
    "url_retry": "warning",
    "url_failed": "warning",
    "batch_failed": "warning",
    "library_held": "warning",
    "job_failed": "error",
    "job_timeout": "error",
}
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "job_created": ("library_id", "mode", "scope"),
    "job_started": ("term",),
    "handover": ("term", "reason"),
    "source_started": ("source_id", "url"),
    "source_completed": ("source_id", "url"),
    "robots_loaded": ("host", "status", "crawl_delay_s", "content_signal"),
    "sitemap_loaded": ("url", "urls", "skipped"),
    "url_started": ("url", "attempt"),
    "url_crawled": ("url", "outcome", "status"),
    "urls_discovered": ("source_url", "count", "total_discovered"),
    "url_skipped": ("url", "reason", "rule"),
    "url_retry": ("url", "attempt", "error"),
    "url_failed": ("url", "attempts", "error"),
    "sent_to_processing": ("batch_id", "pages"),
    "batch_processed": ("batch_id", "pages", "words"),
    "batch_failed": ("batch_id", "attempt", "error"),
    "library_published": ("generation", "added", "changed", "removed"),
    "library_held": ("reason",),
    "log": ("message",),
}
_AT_THE_END: Final = ("state", "ok", "ended_because", "error")


def level_of(event: DurableEvent) -> str:
    """How much the event matters: one of `LEVELS`."""
    if event.type == "log":
        return event.level
    return _BY_TYPE.get(event.type, "info")


def to_log_line(event: DurableEvent) -> str:
    """The event as one line without a line end."""
    names = _FIELDS.get(event.type, _AT_THE_END if event.type.startswith("job_") else ())
    fields = " ".join(f"{name}={_shown(getattr(event, name, None))}" for name in names)
    place = f"[ {event.item} / {event.total} ] " if event.type == "log" and event.total is not None else ""
    return f"{format_time(event.time)} {level_of(event).upper()} {event.type} {place}{fields}".rstrip()


def _shown(value: Any) -> str:
    if hasattr(value, "category"):
        value = f"{value.category}: {value.message}"
    return escape_controls(str(value))


def escape_controls(text: str) -> str:
    """The text with every character that could move a terminal, or end a line, written out as an escape."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
