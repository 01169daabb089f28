"""A library and its generations.

Laws:
1. A generation is immutable; its parts' path holds job and term, and the pointer names the path [parts_unique].
2. Publishing is one write of the pointer, conditional on the base generation [pointer_conditional].
3. The pointers of the last generations are kept with it, so which generations exist is known in the same write.
4. A rollback is a new generation with old parts, never a step back [rollback_forward].
5. What users set (sources, settings, the name) changes by one write, conditional on revision, generation and active
   job as they were read: two edits never make one, and none is half applied.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from runnel.domain.jobs import Source

#: Generations that can be read and rolled back to, the present one included.
KEPT_GENERATIONS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """Which generation a library shows: its number, where its parts lie, and who published."""

    generation: int = 0
    #: Folder of the parts below the tenant; empty for generation 0, which has no pages.
    path: str = ""
    #: The path of the generation that it was built from: what its changes are counted from.
    base_path: str = ""
    #: The job that published, or what did.
    published_by: str | None = None
    pages: int = 0
    #: Records of the bus that tell what it changed.
    records: int = 0
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """The last change of a library's sources, settings or name by somebody."""

    #: Names this change among all others.
    by: str
    at: datetime
    #: What was changed: `sources`, `title`, `metadata`, `library_id`.
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A named collection of pages."""

    tenant: str
    library_id: str
    sources: tuple[Source, ...] = ()
    created_at: datetime
    pointer: Pointer = Pointer()
    #: The pointers of the generations that are kept, the present one first.
    kept: tuple[Pointer, ...] = ()
    #: Which generation each active job has published [by_each_job].
    published: Mapping[str, int] = field(default_factory=dict)
    active_job: str | None = None
    # --- what users set
    #: For people; the name is for programs.
    title: str = ""
    #: Fields that every page of its crawls gets, beside those of the job.
    metadata: Mapping[str, str] = field(default_factory=dict)
    #: The names that it had before, the first one first.
    former_names: tuple[str, ...] = ()
    #: How often it was edited, and the last time.
    revision: int = 0
    edit: Edit | None = None

    @property
    def first_name(self) -> str:
        """The name under which it was made: its records on the bus go by it."""
        return self.former_names[0] if self.former_names else self.library_id

    def source(self, source_id: str) -> Source | None:
        """The source of this id."""
        return next((source for source in self.sources if source.source_id == source_id), None)

    def keeping(self, pointer: Pointer) -> tuple[Pointer, ...]:
        """The generations that are kept once *pointer* is the present one."""
        return (pointer, *self.kept)[:KEPT_GENERATIONS]


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
