"""All stores of a home at once, in memory."""

from runnel.testing.access import MemoryHostBudget, MemoryTokens
from runnel.testing.bus import MemoryBus
from runnel.testing.content import MemoryContentStore, MemoryRawStore
from runnel.testing.jobs import MemoryJobStore, MemoryLeases
from runnel.testing.libraries import MemoryBatches, MemoryLibraries
from runnel.testing.log import MemoryEventLog, MemoryJournal, MemoryUrlQueue
from runnel.testing.state import MemoryState


class MemoryStores:
    """The reference model of every store: the contract suite holds each adapter to what these do."""

    def __init__(self, state: MemoryState | None = None) -> None:
        """Begin empty, or with the *state* of stores that were there before."""
        self.state = state or MemoryState()
        self.jobs = MemoryJobStore(self.state)
        self.leases = MemoryLeases(self.state)
        self.log = MemoryEventLog(self.state)
        self.queue = MemoryUrlQueue(self.state)
        self.journal = MemoryJournal(self.state)
        self.batches = MemoryBatches(self.state)
        self.libraries = MemoryLibraries(self.state)
        self.content = MemoryContentStore(self.state)
        self.raw = MemoryRawStore(self.state)
        self.bus = MemoryBus(self.state)
        self.hosts = MemoryHostBudget(self.state)
        self.tokens = MemoryTokens(self.state)
