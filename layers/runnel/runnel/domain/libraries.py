"""A library and its generations.

Laws:
1. A generation is immutable; its parts' path holds job and term, and the pointer names the path [parts_unique].
2. Publishing is one write of the pointer, conditional on the base generation [pointer_conditional].
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from runnel.domain.jobs import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """Which generation a library shows: its number, where its parts lie, and who published."""

    generation: int = 0
    #: Folder of the parts below the tenant; empty for generation 0, which has no pages.
    path: str = ""
    published_by: str | None = None
    pages: int = 0
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A named collection of pages."""

    tenant: str
    library_id: str
    sources: tuple[Source, ...] = ()
    created_at: datetime
    pointer: Pointer = Pointer()
    #: Which generation each active job has published [by_each_job].
    published: Mapping[str, int] = field(default_factory=dict)
    active_job: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A processor batch: done when its parts together cover every page [page_results]."""

    batch_id: str
    pages: int
    #: Name of each result object and the pages (by place in the batch) that it covers.
    parts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    tries: int = 0
    closed: bool = False
    #: A hint only: clocks of two processes are never compared.
    invoked_at: datetime | None = None

    @property
    def missing(self) -> tuple[int, ...]:
        """The places of the pages that have no result yet."""
        covered = {index for indexes in self.parts.values() for index in indexes}
        return tuple(index for index in range(self.pages) if index not in covered)

    @property
    def is_done(self) -> bool:
        """Whether every page has a result."""
        return not self.missing
