"""Verifying a library: every object that its kept generations need is read, and what is wrong is mended on request.

Laws (tests/unit/usecases/test_verify_library.py):
1. A second run after a repair finds nothing: what is beyond repair is known as lost until a crawl has brought it.
2. Lists of pages are mended before what they list; orphans go to the garbage collector, who spares them for a day.
3. A repair keeps jobs from beginning on the library; to look needs no claim and writes nothing.
"""

import json
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

from runnel.domain.integrity import Finding, Sort, Verification
from runnel.domain.libraries import Library
from runnel.errors import ManifestDamaged
from runnel.usecases.claim_library import Claim, Work, holding_library
from runnel.usecases.collect_garbage import find_needs, find_unneeded, note_garbage, read_noted
from runnel.usecases.index_library import index_library
from runnel.usecases.inspect_objects import Inspection, inspect_objects
from runnel.usecases.mend_objects import Mender, find_strays
from runnel.usecases.patience import sure
from runnel.usecases.read_library import get_library
from runnel.usecases.services import Services
from runnel.usecases.show_output import open_output

_SORTS: Final[Mapping[str, Sort]] = {
    "pages": "page", "batches": "result", "generations": "manifest", "index": "index",
}  # fmt: skip


async def verify_library(services: Services, tenant: str, library_id: str, *, repair: bool = False) -> Verification:
    """Find what is missing, corrupt, misplaced or needed by nobody; with *repair*, mend it.

    Raises:
        LibraryNotFound: there is no such library.
        LibraryBusy: a job crawls the library that is to be repaired.
    """
    library = await get_library(services, tenant, library_id)
    if not repair:
        return await _verify(services, library, repair=False)
    claim: Claim | None = None
    try:
        async with holding_library(services, library, Work.REPAIR) as claim:
            return await _verify(services, await get_library(services, tenant, library_id), repair=True)
    finally:
        if claim is not None:
            await services.libraries.free(tenant, library_id, claim.name)


async def _verify(services: Services, library: Library, *, repair: bool) -> Verification:
    inspection = await inspect_objects(services, library)
    lost = await _read_lost(services, library)
    findings = [one for one in inspection.findings if one.key not in lost]
    still = {one.key for one in inspection.findings if one.key in lost}
    places: set[str] = set()
    if not repair:
        findings, places = await _spot_misplaced(services, library, inspection, findings)
    else:
        findings = await _mend(services, library, inspection, findings)
        with suppress(ManifestDamaged):
            await index_library(services, library)
        still |= {one.key for one in findings if one.fate == "lost"}
        if still != lost:
            await _write_lost(services, library, still)
    files = await _verify_files(services, library, inspection, repair=repair)
    knows_needs = all(one.fate == "repaired" for one in findings if one.path)
    orphans = [one for one in await _orphans(services, library) if one.key not in places] if knows_needs else []
    if repair and orphans:
        await note_garbage(services, library.tenant, (one.key for one in orphans))
        orphans = [replace(one, fate="collected") for one in orphans]
    return Verification(
        library_id=library.library_id,
        checked=inspection.checked,
        findings=(*findings, *files, *orphans),
        lost=tuple(sorted(still)),
    )


async def _mend(services: Services, library: Library, inspection: Inspection, findings: list[Finding]) -> list[Finding]:
    """The findings with their fates; pages that only a mended list names are inspected after it."""
    lists = [one for one in findings if one.sort == "manifest"]
    mender = Mender(services, library, inspection)
    mended = [await mender.mend(one) for one in lists]
    if any(one.fate == "repaired" for one in mended):
        inspection = await inspect_objects(services, library)
        known = {one.key for one in lists}
        findings = [one for one in inspection.findings if one.key not in known]
        mender = Mender(services, library, inspection)
    # Results first: they know where the responses lie that pages are made from.
    rest = sorted((one for one in findings if one.sort != "manifest"), key=lambda one: one.sort != "result")
    return [*mended, *[await mender.mend(one) for one in rest]]


async def _spot_misplaced(
    services: Services, library: Library, inspection: Inspection, findings: list[Finding]
) -> tuple[list[Finding], set[str]]:
    """The findings, those whose Markdown lies under another name told as what they are; and where it lies."""
    if all(one.sort != "page" for one in findings):
        return findings, set()
    strays = await find_strays(services, library, inspection)
    told = [
        replace(one, flaw="misplaced") if one.sort == "page" and one.pages[0].content_hash in strays else one
        for one in findings
    ]
    return told, {key for key, _ in strays.values()}


async def _orphans(services: Services, library: Library) -> list[Finding]:
    """What nobody needs and the collector does not know yet; nothing while some job may still be writing."""
    tenant, name = library.tenant, library.library_id
    libraries = await services.libraries.list_libraries(tenant)
    if any(one.active_job and Work.of(one.active_job) is not Work.REPAIR for one in libraries):
        return []
    try:
        needs = await find_needs(services, tenant, libraries)
    except ManifestDamaged:
        return []
    noted = await read_noted(services, tenant)
    ours = ("pages/", "batches/", f"generations/{name}/", f"index/{name}/")
    found = [key async for key in find_unneeded(services, tenant, needs) if key.startswith(ours) and key not in noted]
    return [Finding(flaw="orphan", sort=_sort_of(key), key=key) for key in found]


async def _verify_files(services: Services, library: Library, inspection: Inspection, *, repair: bool) -> list[Finding]:
    """The files of the folder that the library's newest job wrote; nothing where no folder is written."""
    output, pages = await open_output(services, library), inspection.pages.get(library.pointer.path)
    if output is None or pages is None:
        return []
    shown = tuple(pages.values())
    wrong = await output.examine(library.tenant, library.library_id, shown)
    findings = [Finding(flaw=flaw, sort="file", key=path) for flaw, path in wrong]
    if not repair or not findings:
        return findings
    await output.reconcile(library.tenant, library.library_id, shown)
    left = {path for _, path in await output.examine(library.tenant, library.library_id, shown)}
    return [replace(one, fate="lost" if one.key in left else "repaired") for one in findings]


def _sort_of(key: str) -> Sort:
    return _SORTS[key.partition("/")[0]]


async def _read_lost(services: Services, library: Library) -> set[str]:
    body = await sure(services, partial(services.content.get, library.tenant, lost_key(library.library_id)))
    with suppress(zlib.error, ValueError):
        return set(json.loads(zlib.decompress(body))) if body else set()
    return set()


async def _write_lost(services: Services, library: Library, keys: Iterable[str]) -> None:
    body = zlib.compress(json.dumps(sorted(keys)).encode())
    await sure(services, partial(services.content.put, library.tenant, lost_key(library.library_id), body))


def lost_key(library_id: str) -> str:
    """Where the keys of a library's lost objects are listed."""
    return f"verify/{library_id}.json.z"
