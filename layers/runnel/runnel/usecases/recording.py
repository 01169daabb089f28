"""The driver's side of the log: emit, flush, barrier, recovery.

Laws (names are the rules of the commit model):
1. One append is in flight at a time; a segment once sent is sent again byte for byte until its fate is known
   [one_append, same_bytes].
2. A driver appends its barrier first and then reads the state [barrier]; a place that is taken while the barrier is
   being written is read again and decided anew [barrier_decided]; after it, a taken place means that we are the zombie
   [terms_decide], and so does a higher term in the log [higher_term].
3. Events are shown only after the commit [publish_after].
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from runnel.domain import events as e
from runnel.domain.created import created_segment
from runnel.domain.effects import NO_NOTE, Note, effects_of, events_of
from runnel.domain.fold import JobFold
from runnel.domain.jobs import Job, Lease
from runnel.domain.measures import Measures
from runnel.domain.segments import FLUSH_BYTES, Effects, Flush, Segment, spent_usd
from runnel.domain.verdicts import QueuedUrl
from runnel.errors import LeaseLost, SegmentTaken, StoreUnavailable
from runnel.streaming.sse import type_of
from runnel.usecases.leasing import Reason
from runnel.usecases.patience import STORE_PAUSE, sure
from runnel.usecases.services import Services


class AlreadyOver(Exception):
    """The log ends with a terminal event: the job needs no driver."""

    def __init__(self, event: e.TerminalEvent) -> None:
        """Carry the *event* that tells the truth."""
        super().__init__(event.type)
        self.event = event


@dataclass(slots=True)
class _Pending:
    seq: int
    line: bytes
    event: e.DurableEvent
    note: Note
    urls: list[tuple[str, int, str | None]]
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What a driver finds: the URLs that count."""

    urls: tuple[QueuedUrl, ...]


class Recorder:
    """Writes one job's log under one lease; `fold` is the state that the log tells, the unflushed tail included."""

    def __init__(
        self,
        services: Services,
        job: Job,
        lease: Lease,
        *,
        invoke: Callable[[str], Awaitable[None]],
        read: Sequence[Segment] = (),
    ) -> None:
        """Record for *job*; *invoke* asks the processor for a batch, after its commit.

        *read* is the beginning of the log, as far as somebody has read it before.
        """
        self._services = services
        self._job = job
        self._lease = lease
        self._invoke = invoke
        self._buffer: list[_Pending] = []
        self._committed = 0
        #: What has been read of the log until the state is known.
        self._log = list(read)
        self.fold = JobFold()
        #: What operators will be told.
        self.measures = Measures()
        self.first_pending_s: float | None = None
        self.pending_bytes = 0
        #: US dollars that earlier drivers have spent, as the log tells: one that was killed told META nothing.
        self.spent_usd = 0.0
        #: What the job has cost by now, as each segment tells.
        self.usd: Callable[[], float] = lambda: 0.0

    # ---- emit and flush

    @property
    def committed_seq(self) -> int:
        """The last sequence number that is durable."""
        return self._committed

    def emit(self, kind: type[Any], *, note: Note = NO_NOTE, **fields: Any) -> int:
        """Append an event of class *kind* to the coming flush; its sequence number."""
        seq = self.fold.last_seq + 1
        event = kind(job_id=self._job.job_id, time=self._services.clock.now(), seq=seq, **fields)
        self.fold.apply(event, note)
        self.measures.add(event)
        line = e.encode_event(event)
        size = len(line) + sum(len(str(value)) for value in note.values())
        self._buffer.append(_Pending(seq, line, event, note, [], size))
        self.pending_bytes += size
        if self.first_pending_s is None:
            self.first_pending_s = self._services.clock.monotonic()
        return seq

    def emit_with_urls(self, kind: type[Any], urls: list[tuple[str, int, str | None]], **fields: Any) -> int:
        """Emit an event that brings *urls* (url, depth, parent) into the queue."""
        seq = self.emit(kind, **fields)
        self._buffer[-1].urls.extend(urls)
        return seq

    async def flush(self) -> None:
        """Make everything emitted durable; raises `LeaseLost` when another driver owns the log."""
        while self._buffer:
            await self._commit(self._cut())
        self.first_pending_s = None
        self.pending_bytes = 0

    def _cut(self) -> Flush:
        """The next segment's worth of the buffer, taken out of it."""
        size, count = 0, 0
        while count < len(self._buffer) and (count == 0 or size + self._buffer[count].size_bytes <= FLUSH_BYTES):
            size += self._buffer[count].size_bytes
            count += 1
        part, self._buffer = self._buffer[:count], self._buffer[count:]
        first = part[0].seq
        segment = Segment(
            first=first,
            term=self._lease.term,
            owner=self._lease.owner,
            lines=tuple(pending.line for pending in part),
            notes={pending.seq: pending.note for pending in part if pending.note},
            usd=round(self.usd(), 6) or None,
        )
        return Flush(
            tenant=self._job.tenant,
            job_id=self._job.job_id,
            segment=segment,
            new_urls=tuple(
                QueuedUrl(url=url, depth=depth, parent=parent, first=first, term=self._lease.term)
                for pending in part
                for url, depth, parent in pending.urls
            ),
            effects=effects_of((pending.event, pending.note) for pending in part),
        )

    async def _commit(self, flush: Flush) -> None:
        def committed() -> None:
            self._committed = flush.segment.last
            self._services.bell.ring(self._job.job_id)

        while True:
            try:
                await self._services.journal.commit(flush, committed=committed, invoke=self._invoke)
            except StoreUnavailable:
                self._services.telemetry.count("store_retries")
                await self._services.clock.sleep(STORE_PAUSE)
            except SegmentTaken as taken:
                raise LeaseLost("Another driver writes this job's log.") from taken
            else:
                return

    # ---- barrier and state

    async def write_barrier(self, reason: Reason) -> None:
        """Append `job_started` or `handover`, whichever the log calls for; raises `AlreadyOver`, `LeaseLost`."""
        while True:
            segments = await self._read_log()
            if not segments:
                await self._append(created_segment(self._job))
                continue
            last, _ = events_of(segments[-1])[-1]
            if isinstance(last, e.TerminalEvent):
                raise AlreadyOver(last)
            if await self._append(self._barrier(_milestones(segments), last.seq + 1, reason)):
                self._services.bell.ring(self._job.job_id)
                return

    def _barrier(self, milestones: list[str], seq: int, reason: Reason) -> Segment:
        envelope: dict[str, Any] = {
            "job_id": self._job.job_id,
            "time": self._services.clock.now(),
            "seq": seq,
            "term": self._lease.term,
        }
        is_first = "job_started" not in milestones
        event = e.JobStarted(**envelope) if is_first else e.Handover(**envelope, reason=_why(milestones, reason))
        return Segment(first=event.seq, term=self._lease.term, owner=self._lease.owner, lines=(e.encode_event(event),))

    async def read_state(self) -> Recovered:
        """Read everything after the barrier, redo what may be missing, and fold the log."""
        segments = await self._read_log()
        term_at = {segment.first: segment.term for segment in segments}
        self._log = []
        self.spent_usd = spent_usd(segments)
        applied_seq = (await sure(self._services, self._get_job)).applied_seq
        undone = []  # never the whole log at once: it names every URL of a job, which may be a million
        for event, note in chain.from_iterable(map(events_of, segments)):
            self.fold.apply(event, note)
            if event.seq > applied_seq:
                undone.append((event, note))
        self._committed = self.fold.last_seq
        del segments
        await self._redo(effects_of(undone))
        urls = await sure(self._services, lambda: self._services.queue.urls(self._job.tenant, self._job.job_id))
        return Recovered(urls=tuple(url for url in urls if term_at.get(url.first) == url.term))

    async def _redo(self, effects: Effects) -> None:
        applied = (self._lease.owner, self._lease.term, self._committed)
        await sure(
            self._services,
            lambda: self._services.journal.redo(self._job.tenant, self._job.job_id, effects, applied=applied),
        )

    async def _get_job(self) -> Job:
        return await self._services.jobs.get(self._job.tenant, self._job.job_id) or self._job

    async def _read_log(self) -> list[Segment]:
        """The whole log; what was read before cannot have changed, so only the rest is asked for."""
        last = self._log[-1].last if self._log else 0
        read = partial(self._services.log.read, self._job.tenant, self._job.job_id, after=last)
        self._log += await sure(self._services, read)
        if any(segment.term > self._lease.term for segment in self._log):
            raise LeaseLost("A later driver has written this job's log.")
        return self._log

    async def _append(self, segment: Segment) -> bool:
        """Whether the segment stands in the log; False when another has its place."""
        try:
            await sure(self._services, lambda: self._services.log.append(self._job.tenant, self._job.job_id, segment))
        except SegmentTaken:
            return False
        return True


def _milestones(segments: list[Segment]) -> list[str]:
    """The types of the log's few events that decide a barrier, in order: the many others need not be understood."""
    types = (type_of(line) for segment in segments for line in segment.lines)
    return [kind for kind in types if kind in {"job_started", "job_paused", "job_resumed"}]


def _why(milestones: list[str], reason: Reason) -> Reason:
    """Why there is a new driver: one that finds the job paused and released was started by its resuming."""
    return "started" if reason == "deadline" and milestones[-1] == "job_paused" else reason
