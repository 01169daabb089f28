"""Claiming a library for work that is no job's: its deletion, its repair.

Law: a job keeps its claim; one of the same work, broken off, gives way.
"""

from runnel.domain.libraries import Library
from runnel.errors import LibraryBusy
from runnel.usecases.services import Services


async def claim_library(services: Services, library: Library, claim: str, *, kind: str) -> None:
    """Keep jobs away from *library* with *claim*, which begins with *kind*, as no job's id does.

    Raises:
        LibraryBusy: a job holds it, or work of another kind.
    """
    while True:
        try:
            await services.libraries.claim(library.tenant, library.library_id, claim)
        except LibraryBusy as busy:
            if not busy.job_id.startswith(kind):
                raise
            await services.libraries.free(library.tenant, library.library_id, busy.job_id)
        else:
            return
