"""In-memory reference models of the ports, a clock that tests move, and names that repeat."""

from runnel.testing.clock import FixedIds, MovedClock
from runnel.testing.state import MemoryState
from runnel.testing.stores import MemoryStores

__all__ = ["FixedIds", "MemoryState", "MemoryStores", "MovedClock"]
