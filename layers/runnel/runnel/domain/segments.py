"""An event segment: the events of one flush as they are stored, and what a commit carries with them.

Laws:
1. A segment's bytes are made once and sent again byte for byte until its fate is known [same_bytes].
2. Lines are the exact bytes that every client gets; `notes` is what recovery needs and no client sees.
3. `first` is the sequence number of the first line; lines are contiguous.
"""

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from runnel.domain.verdicts import QueuedUrl, RuledOut, UrlVerdict
from runnel.errors import StateUnreadable

_DAMAGED = "A part of the job's log is damaged or of a newer Runnel; crawl again, or upgrade Runnel."

#: A flush is due at this size of undeflated lines, or after 200 ms.
FLUSH_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The events of one flush, in order."""

    first: int
    term: int
    owner: str
    lines: tuple[bytes, ...]
    #: Recovery data by sequence number: raw places of crawled pages, URLs ruled out, pages of a batch.
    notes: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    #: US dollars that the job had cost when the segment was made; None where that is not told.
    usd: float | None = None

    @property
    def last(self) -> int:
        """The sequence number of the last line."""
        return self.first + len(self.lines) - 1

    def after(self, seq: int) -> tuple[bytes, ...]:
        """The lines whose sequence number is greater than *seq*."""
        return self.lines[max(0, seq + 1 - self.first) :]


def encode_segment(segment: Segment) -> bytes:
    """The segment as deflated bytes, the same for the same segment."""
    head = {"first": segment.first, "term": segment.term, "owner": segment.owner, "notes": dict(segment.notes)}
    head |= {"usd": segment.usd} if segment.usd is not None else {}
    return zlib.compress(b"\n".join((json.dumps(head, separators=(",", ":")).encode(), *segment.lines)), 6)


def spent_usd(segments: Iterable[Segment]) -> float:
    """US dollars that these segments tell of; never less than any of them, whoever wrote it."""
    return max((segment.usd or 0.0 for segment in segments), default=0.0)


def decode_segment(data: bytes) -> Segment:
    """The segment that `encode_segment` made into *data*; raises `StateUnreadable` for anything else."""
    try:
        head, *lines = zlib.decompress(data).split(b"\n")
        fields = json.loads(head)
        notes = {int(seq): note for seq, note in fields.pop("notes").items()}
        return Segment(**fields, notes=notes, lines=tuple(lines))
    except (zlib.error, ValueError, TypeError, KeyError, AttributeError) as damage:
        raise StateUnreadable(_DAMAGED) from damage


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem:
    """A processor batch as the flush inserts it: step (4). The pages themselves stand in the log."""

    batch_id: str
    pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What a committed segment stands for in the other items: steps (3) and (4), a function of the segment."""

    verdicts: tuple[UrlVerdict, ...] = ()
    ruled_out: tuple[RuledOut, ...] = ()
    batches: tuple[BatchItem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Flush:
    """One flush of a driver."""

    tenant: str
    job_id: str
    segment: Segment
    new_urls: tuple[QueuedUrl, ...] = ()
    effects: Effects = Effects()


def to_note(value: RuledOut) -> dict[str, Any]:
    """A value as the JSON object that a segment's notes hold."""
    return asdict(value)
