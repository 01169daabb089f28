"""What committed events stand for in the other items: steps (3) and (4) of a flush, so that any driver can redo them.

Law: effects are a function of the segment alone, so every writer writes the same [verdicts_after, redo_verdicts].
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from runnel.domain.events import (
    DurableEvent,
    Log,
    SentToProcessing,
    UrlCrawled,
    UrlFailed,
    UrlsDiscovered,
    UrlSkipped,
    decode_event,
)
from runnel.domain.instants import format_time
from runnel.domain.segments import BatchItem, Effects, Segment, to_note
from runnel.domain.verdicts import AssetFacts, RuledOut, SkipReason, UrlVerdict, Verdict
from runnel.errors import StateUnreadable

_UNKNOWN_EVENT = "The job's log has an event that this Runnel does not know; crawl again, or upgrade Runnel."

Note = Mapping[str, Any]
NO_NOTE: Note = {}


def events_of(segment: Segment) -> list[tuple[DurableEvent, Note]]:
    """The segment's events, each with its recovery note (empty when it has none); raises `StateUnreadable`."""
    try:
        return [
            (decode_event(line), segment.notes.get(segment.first + place, NO_NOTE))
            for place, line in enumerate(segment.lines)
        ]
    except ValidationError as unknown:
        raise StateUnreadable(_UNKNOWN_EVENT) from unknown


def effects_of(events: Iterable[tuple[DurableEvent, Note]]) -> Effects:
    """The verdict items and batch items of committed *events*."""
    verdicts: list[UrlVerdict] = []
    ruled_out: list[RuledOut] = []
    batches: list[BatchItem] = []
    for event, note in events:
        match event:
            case UrlCrawled() | UrlFailed() | UrlSkipped():
                verdicts.append(verdict_of(event, note))
            case UrlsDiscovered():
                ruled_out.extend(_ruled_out_of(event, note))
            case Log() if "assets" in note:
                ruled_out.extend(map(_asset_of, note["assets"]))
            case SentToProcessing() if not note.get("dry"):
                batches.append(BatchItem(batch_id=event.batch_id, pages=event.pages))
            case _:
                pass
    return Effects(verdicts=tuple(verdicts), ruled_out=tuple(ruled_out), batches=tuple(batches))


def verdict_of(event: UrlCrawled | UrlFailed | UrlSkipped, note: Note) -> UrlVerdict:
    """The verdict item of an event that decides a URL."""
    match event:
        case UrlCrawled():
            return UrlVerdict(
                url=event.url,
                verdict=Verdict(event.outcome),
                final_url=event.final_url,
                status=event.status,
                attempts=note.get("attempts", 1),
                duplicate_of=event.duplicate_of,
                body_hash=event.body_hash,
                fetched_at=format_time(event.time),
            )
        case UrlFailed():
            return UrlVerdict(
                url=event.url,
                verdict=Verdict.FAILED,
                reason=event.error.category,
                status=note.get("status"),
                error=event.error,
                attempts=event.attempts,
                facts=AssetFacts(**note["facts"]) if "facts" in note else None,
            )
        case UrlSkipped():
            return UrlVerdict(url=event.url, verdict=Verdict.SKIPPED, reason=event.reason, rule=event.rule)


def _ruled_out_of(event: UrlsDiscovered, note: Note) -> Iterable[RuledOut]:
    for url, reason, rule in note.get("ruled_out", ()):
        yield RuledOut(url=url, reason=SkipReason(reason), rule=rule, parent=event.source_url, depth=event.depth + 1)


def asset_note(assets: Iterable[RuledOut]) -> Note:
    """The note of a `log` event that tells what was heard of files."""
    return {"assets": [to_note(one) for one in assets]}


def _asset_of(fields: Mapping[str, Any]) -> RuledOut:
    return RuledOut(**{**fields, "reason": SkipReason(fields["reason"]), "facts": AssetFacts(**fields["facts"])})
