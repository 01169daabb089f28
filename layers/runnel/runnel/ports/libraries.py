"""Libraries: settings, the pointer to the published generation, and which job may change them."""

from typing import Protocol

from runnel.domain.libraries import Library, Pointer


class Libraries(Protocol):
    """One record per library.

    Promises every adapter keeps (tests/contract/test_libraries.py):

    * one active job per library: `claim` is one conditional write and raises `LibraryBusy` naming the holder;
    * the pointer moves by one write, conditional on the base generation, and remembers the generation of every active
      job [pointer_conditional, by_each_job];
    * an edit is one write, conditional on revision, generation and active job; with another name too;
    * reads are strongly consistent.
    """

    async def ensure(self, library: Library) -> Library:
        """Insert the library unless it exists; return what is stored."""
        ...

    async def get(self, tenant: str, library_id: str) -> Library | None:
        """The library, or None."""
        ...

    async def list_libraries(self, tenant: str) -> list[Library]:
        """The tenant's libraries by name."""
        ...

    async def edit(self, seen: Library, wanted: Library) -> bool:
        """Store *wanted*, maybe under another name, in place of *seen*.

        False when that has changed (which shows in revision, generation and active job), or the name is taken; *wanted*
        has the next revision.
        """
        ...

    async def claim(self, tenant: str, library_id: str, job_id: str) -> None:
        """Make *job_id* the active job; again by the same job is fine; raises `LibraryBusy`, `LibraryNotFound`."""
        ...

    async def renew(self, tenant: str, library_id: str, claim: str, name: str) -> bool:
        """Give *claim* another *name*, if it holds the library still; again is fine. Whether it does."""
        ...

    async def delete(self, tenant: str, library_id: str, job_id: str) -> bool:
        """Remove the library if *job_id* has claimed it; whether it was there."""
        ...

    async def free(self, tenant: str, library_id: str, job_id: str) -> None:
        """Clear the active job if it is *job_id*."""
        ...

    async def move_pointer(self, library: Library, pointer: Pointer, *, job_id: str) -> bool:
        """Publish: set the pointer if the generation is still that of *library*; False when it has moved."""
        ...
