"""Looking at every object that the kept generations of a library need: is it there, and is it what its key says?

Laws:
1. Nothing is written here.
2. An object is corrupt when its bytes give another content than its key or its list names, not when they look odd.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Final

from pydantic import ValidationError

from runnel.domain.integrity import Finding, Flaw
from runnel.domain.libraries import Library, Pointer
from runnel.domain.payloads import StoredPage
from runnel.domain.results import add_details, decode_pages
from runnel.errors import ManifestDamaged
from runnel.usecases.manifests import batched, find_wrong_needs, index_plan_key, load_index_plan, read_parts
from runnel.usecases.patience import sure
from runnel.usecases.process_pages import page_key
from runnel.usecases.services import Services

#: Objects that are read at a time.
_OBJECTS_AT_ONCE: Final = 50
_GZIP: Final = 31


@dataclass(slots=True)
class Inspection:
    """What was found."""

    checked: int = 0
    findings: list[Finding] = field(default_factory=list)
    #: The pages of each generation that can be read, by its path.
    pages: dict[str, Mapping[str, StoredPage]] = field(default_factory=dict)
    #: The keys of the index segments that they list.
    segments: set[str] = field(default_factory=set)


async def inspect_objects(services: Services, library: Library) -> Inspection:
    """Read what the kept generations of *library* need."""
    found = Inspection()
    for pointer in distinct(library.kept):
        await _inspect_manifest(services, library.tenant, pointer.path, found)
    pages = [page for generation in found.pages.values() for page in generation.values()]
    await _inspect_pages(services, library.tenant, pages, found)
    await _inspect_results(services, library.tenant, pages, found)
    await _inspect_segments(services, library.tenant, found)
    return found


def distinct(pointers: Iterable[Pointer]) -> list[Pointer]:
    """The generations that have pages, each path once: a rollback shares its path."""
    return list({pointer.path: pointer for pointer in pointers if pointer.path}.values())


def is_page(body: bytes, content_hash: str) -> bool:
    """Whether the object holds the Markdown of that hash."""
    return hash_of(body) == content_hash


def hash_of(body: bytes) -> str | None:
    """The content hash of an object of Markdown; None when it is none."""
    try:
        return sha256(zlib.decompress(body, _GZIP)).hexdigest()
    except zlib.error:
        return None


def is_result(body: bytes, key: str, pages: Iterable[StoredPage]) -> bool:
    """Whether the result object at *key* holds these pages, details included."""
    wanted = list(pages)
    try:
        bodies = [page.body_hash for page in decode_pages(body, key)]
        whole = sum(1 for _ in add_details(body, wanted))
    except (zlib.error, ValidationError):
        return False
    lines = [page.details[1] for page in wanted if page.details]
    held = [line for line in lines if line < len(bodies)]
    return whole == len(wanted) == len(held) and all(
        bodies[line] == page.body_hash for line, page in zip(held, wanted, strict=True)
    )


async def _inspect_manifest(services: Services, tenant: str, path: str, found: Inspection) -> None:
    try:
        manifest, keys = await read_parts(services, tenant, path)
    except ManifestDamaged as damage:
        found.checked += 1
        flaw: Flaw = "missing" if damage.is_missing else "corrupt"
        found.findings.append(Finding(flaw=flaw, sort="manifest", key=damage.key, path=path))
        return
    found.pages[path] = manifest.pages
    found.checked += len(keys)
    wrong = await find_wrong_needs(services, tenant, path, manifest.pages.values())
    if wrong is not None:
        found.findings.append(Finding(flaw=wrong[0], sort="manifest", key=wrong[1], path=path))
    plan, key = await load_index_plan(services, tenant, path), index_plan_key(path)
    if plan is not None:
        found.segments |= plan.keys
        return
    is_there = await sure(services, lambda: services.content.exists(tenant, key))
    found.findings.append(Finding(flaw="corrupt" if is_there else "missing", sort="index", key=key, path=path))


async def _inspect_segments(services: Services, tenant: str, found: Inspection) -> None:
    """Those that there are: what is missing is made when it is asked for."""
    for key in sorted(found.segments):
        body = await sure(services, partial(services.content.get, tenant, key))
        if body is not None:
            found.checked += 1
            if not await services.indexer.is_whole(body):
                found.findings.append(Finding(flaw="corrupt", sort="index", key=key))


async def _inspect_pages(services: Services, tenant: str, pages: list[StoredPage], found: Inspection) -> None:
    sufferers: dict[str, dict[str, StoredPage]] = defaultdict(dict)
    for page in pages:
        sufferers[page_key(page.content_hash)].setdefault(page.url, page)
    for keys in batched(sorted(sufferers), _OBJECTS_AT_ONCE):
        bodies = await sure(services, partial(services.content.get_many, tenant, keys))
        for key in keys:
            hit = tuple(sufferers[key].values())
            if key not in bodies:
                found.findings.append(Finding(flaw="missing", sort="page", key=key, pages=hit))
            elif not is_page(bodies[key], hit[0].content_hash):
                found.findings.append(Finding(flaw="corrupt", sort="page", key=key, pages=hit))
    found.checked += len(sufferers)


async def _inspect_results(services: Services, tenant: str, pages: list[StoredPage], found: Inspection) -> None:
    holders: dict[str, dict[int, StoredPage]] = defaultdict(dict)
    for page in pages:
        if page.details is not None:
            holders[page.details[0]].setdefault(page.details[1], page)
    for keys in batched(sorted(holders), _OBJECTS_AT_ONCE):
        bodies = await sure(services, partial(services.content.get_many, tenant, keys))
        for key in keys:
            hit = tuple(holders[key].values())
            if key not in bodies:
                found.findings.append(Finding(flaw="missing", sort="result", key=key, pages=hit))
            elif not is_result(bodies[key], key, hit):
                found.findings.append(Finding(flaw="corrupt", sort="result", key=key, pages=hit))
    found.checked += len(holders)
