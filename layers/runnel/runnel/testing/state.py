"""What all in-memory stores share: one set of dicts, and the place where a test lets a store fail.

Laws:
1. Every call takes one turn of the event loop before it looks, as a real store would: races show.
2. `on_step` is told the name of each step before it happens; what it raises is what the caller gets.
"""

import types
from collections import defaultdict
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from runnel.domain.bus import BusSegment
from runnel.domain.host_book import HostBook
from runnel.domain.jobs import Job
from runnel.domain.libraries import Batch, Library
from runnel.domain.verdicts import QueuedUrl, RuledOut, UrlVerdict
from runnel.ports.tokens import Token

#: Tenant and job id.
JobKey = tuple[str, str]


def _ignore(_step: str) -> None:
    """Let every step happen."""


@types.coroutine
def turn() -> Generator[None, None, None]:
    """Let the event loop turn once."""
    yield


@dataclass(slots=True, kw_only=True)
class MemoryState:
    """The tables."""

    #: Told each step's name (`journal.append`, `jobs.get`, …) before it happens; may raise.
    on_step: Callable[[str], None] = _ignore
    jobs: dict[JobKey, Job] = field(default_factory=dict)
    #: Segments by first sequence number, as their stored bytes.
    segments: defaultdict[JobKey, dict[int, bytes]] = field(default_factory=lambda: defaultdict(dict))
    #: Queued URLs by URL and term.
    urls: defaultdict[JobKey, dict[tuple[str, int], QueuedUrl]] = field(default_factory=lambda: defaultdict(dict))
    verdicts: defaultdict[JobKey, dict[str, UrlVerdict]] = field(default_factory=lambda: defaultdict(dict))
    ruled_out: defaultdict[JobKey, dict[str, RuledOut]] = field(default_factory=lambda: defaultdict(dict))
    batches: defaultdict[JobKey, dict[str, Batch]] = field(default_factory=lambda: defaultdict(dict))
    #: The bus segments of each tenant, in order.
    bus: defaultdict[str, list[BusSegment]] = field(default_factory=lambda: defaultdict(list))
    #: By tenant and library id.
    libraries: dict[tuple[str, str], Library] = field(default_factory=dict)
    #: By tenant and key.
    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)
    #: Who asks each host.
    hosts: dict[str, HostBook] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)

    async def step(self, name: str) -> None:
        """Take a turn, then say what is about to happen."""
        await turn()
        self.on_step(name)
