"""The stores of one home as the contract suite takes them, and the faults it may ask of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from runnel.ports.batches import Batches
from runnel.ports.bus import Bus
from runnel.ports.content_store import ContentStore, RawStore
from runnel.ports.event_log import EventLog
from runnel.ports.host_budget import HostBudget
from runnel.ports.job_store import JobStore, Leases
from runnel.ports.journal import Journal
from runnel.ports.libraries import Libraries
from runnel.ports.tokens import Tokens
from runnel.ports.url_queue import UrlQueue


class Stores(Protocol):
    """Every stateful port of a home, over state of its own."""

    @property
    def jobs(self) -> JobStore: ...
    @property
    def leases(self) -> Leases: ...
    @property
    def log(self) -> EventLog: ...
    @property
    def queue(self) -> UrlQueue: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def batches(self) -> Batches: ...
    @property
    def libraries(self) -> Libraries: ...
    @property
    def bus(self) -> Bus: ...
    @property
    def content(self) -> ContentStore: ...
    @property
    def raw(self) -> RawStore: ...
    @property
    def hosts(self) -> HostBudget: ...
    @property
    def tokens(self) -> Tokens: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Stores that can be broken off."""

    stores: Stores
    #: From now on so many steps go well and every later one fails, as for a process that is dead.
    break_after: Callable[[int], None]
    #: Everything goes well again.
    calm: Callable[[], None]
    #: Steps of this home between two places worth breaking at: SQLite counts single instructions.
    stride: int = 1
