"""Mending the objects of a library that an inspection has found damaged.

Laws (tests/unit/usecases/test_verify_library.py):
1. What is written is what belongs there: the same content from under another name, or made anew (`remake_objects.py`).
2. What cannot be mended is removed, not left damaged: an incremental crawl fetches a page anew that lacks an object.
"""

from dataclasses import replace

from runnel.domain.index_plan import IndexPlan
from runnel.domain.integrity import Finding
from runnel.domain.libraries import Library
from runnel.errors import ManifestDamaged
from runnel.usecases.collect_garbage import find_needs, find_unneeded
from runnel.usecases.index_library import with_index
from runnel.usecases.inspect_objects import Inspection, hash_of
from runnel.usecases.manifests import Manifest, load_manifest, write_index_plan, write_manifest, write_needs
from runnel.usecases.process_pages import page_key
from runnel.usecases.remake_objects import Remaker
from runnel.usecases.services import Services


class Mender:
    """Mends what one inspection of one library has found."""

    def __init__(self, services: Services, library: Library, inspection: Inspection) -> None:
        """Mend with what the stores of *services* have."""
        self._services = services
        self._library = library
        self._inspection = inspection
        self._remaker = Remaker(services, library.tenant)
        #: By content hash: where Markdown lies that is looked for, and what it is; two may have changed places.
        self._strays: dict[str, tuple[str, bytes]] | None = None

    async def mend(self, finding: Finding) -> Finding:
        """The finding with its fate; a page whose Markdown lies under another name turns out misplaced."""
        if finding.sort == "index":
            await self._mend_index(finding)
            return replace(finding, fate="repaired")
        if finding.sort == "manifest":
            return replace(finding, fate="repaired" if await self._mend_manifest(finding) else "lost")
        if finding.sort == "page" and await self._take_stray(finding):
            return replace(finding, flaw="misplaced", fate="repaired")
        body = await self._remake(finding)
        if body is not None:
            await self._services.content.put(self._library.tenant, finding.key, body)
        elif finding.flaw == "corrupt":
            await self._services.content.delete(self._library.tenant, finding.key)
        return replace(finding, fate="lost" if body is None else "repaired")

    async def _remake(self, finding: Finding) -> bytes | None:
        if finding.sort == "result":
            return await self._remaker.result(finding.key, finding.pages)
        for page in finding.pages:
            body = await self._remaker.page(page)
            if body is not None:
                return body
        return None

    async def _mend_manifest(self, finding: Finding) -> bool:
        tenant, pages = self._library.tenant, self._inspection.pages.get(finding.path)
        if pages is not None:  # the list is whole, only its digests are not
            await write_needs(self._services, tenant, finding.path, pages.values())
            return True
        made = await self._remaker.manifest(self._library, finding.path)
        if made is None:
            return False
        await write_manifest(self._services, tenant, *made)
        return True

    async def _mend_index(self, finding: Finding) -> None:
        """List a generation's segments again; a segment that is damaged goes, and is made anew like a missing one."""
        tenant, pages = self._library.tenant, self._inspection.pages.get(finding.path)
        if pages is None:
            await self._services.content.delete(tenant, finding.key)
            return
        base_path = next((one.base_path for one in self._library.kept[::-1] if one.path == finding.path), "")
        try:
            base = await load_manifest(self._services, tenant, base_path)
        except ManifestDamaged:
            base = Manifest()
        listed = await with_index(self._services, self._library, base, base_path, Manifest(pages=pages))
        await write_index_plan(self._services, tenant, finding.path, listed.index or IndexPlan())

    async def _take_stray(self, finding: Finding) -> bool:
        """Put a page's Markdown where it belongs, if it lies under another name, and remove it there."""
        tenant, content = self._library.tenant, self._services.content
        if self._strays is None:
            self._strays = await find_strays(self._services, self._library, self._inspection)
        found = self._strays.get(finding.pages[0].content_hash)
        if found is None:
            return False
        stray, body = found
        await content.put(tenant, finding.key, body)
        if stray not in {one.key for one in self._inspection.findings}:  # that one is mended, or removed, for itself
            await content.delete(tenant, stray)
        return True


async def find_strays(services: Services, library: Library, inspection: Inspection) -> dict[str, tuple[str, bytes]]:
    """Markdown that is looked for and lies under a key that does not name it, by its hash: where, and what it is."""
    tenant, content = library.tenant, services.content
    suspects = {one.key for one in inspection.findings if (one.sort, one.flaw) == ("page", "corrupt")}
    try:
        needs = await find_needs(services, tenant, await services.libraries.list_libraries(tenant))
        suspects |= {key async for key in find_unneeded(services, tenant, needs) if key.startswith("pages/")}
    except ManifestDamaged:  # then nobody knows what is needed, and every object is looked at
        suspects |= {key async for key in content.keys(tenant, "pages/")}
    wanted = {one.pages[0].content_hash for one in inspection.findings if one.sort == "page"}
    strays: dict[str, tuple[str, bytes]] = {}
    for key in sorted(suspects):
        body = await content.get(tenant, key) or b""
        digest = hash_of(body)
        if digest in wanted and page_key(digest) != key:
            strays[digest] = key, body
    return strays
