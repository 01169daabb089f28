"""The manifest of a generation: its pages, in parts by the hash of their address, and what the next crawl goes by.

Laws:
1. A manifest is immutable and lies at the path that a pointer names; its head is written last, so a head that can be
   read has all of its parts.
2. What is damaged is said (`ManifestDamaged`), never taken for an empty library.
"""

import json
import zlib
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any, Final

from pydantic import ValidationError

from runnel.domain.index_plan import IndexPlan, decode_plan, encode_plan
from runnel.domain.integrity import Flaw
from runnel.domain.libraries import Library, Pointer
from runnel.domain.payloads import SiteMarks, StoredPage
from runnel.domain.results import add_details, decode_pages, read_pages, write_page
from runnel.domain.statistics import count_pages
from runnel.errors import ManifestDamaged
from runnel.usecases.patience import sure
from runnel.usecases.services import Services

#: Parts of a manifest: one for a small library, sixteen by hash prefix for a large one.
_SMALL: Final = 1_000
_HEAD: Final = "manifest.json"
#: The digests of the pages' Markdown, 32 bytes each: what the generation needs, read without reading its pages.
_NEEDS: Final = "needs.bin"
_INDEX: Final = "index.json.gz"
_DIGEST_BYTES: Final = 32
_GZIP: Final = 31
#: Result objects that are read at a time.
_OBJECTS_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The pages of a generation by URL, and what the crawl that made it leaves to the next."""

    pages: Mapping[str, StoredPage] = field(default_factory=dict)
    #: Sitemaps that were read: when one of them cannot be, its pages have not gone.
    sitemaps: tuple[str, ...] = ()
    #: The segments in which the pages are found; None when that is not told with the pages.
    index: IndexPlan | None = None
    #: By source: what its site repeats, with which its pages were read.
    profiles: Mapping[str, SiteMarks] = field(default_factory=dict)


async def read_manifest(services: Services, library: Library) -> dict[str, StoredPage]:
    """The pages of the library's present generation by URL; raises `ManifestDamaged`."""
    return dict((await load_manifest(services, library.tenant, library.pointer.path)).pages)


async def load_manifest(services: Services, tenant: str, path: str) -> Manifest:
    """The manifest at *path*, empty for the generation before the first; raises `ManifestDamaged`."""
    return (await read_parts(services, tenant, path))[0] if path else Manifest()


async def read_parts(services: Services, tenant: str, path: str) -> tuple[Manifest, list[str]]:
    """The manifest at *path*, and the keys of the objects that it stands in; raises `ManifestDamaged`."""
    head = await read_head(services, tenant, path)
    pages: dict[str, StoredPage] = {}
    keys = [f"{path}/{name}" for name in head["parts"]]
    bodies = await sure(services, lambda: services.content.get_many(tenant, keys))
    for key in keys:
        pages |= _pages_of(key, bodies.get(key))
    if len(pages) != head.get("pages", len(pages)):
        message = f"The generation at {path} has {len(pages)} of its {head['pages']} pages."
        raise ManifestDamaged(message, key=f"{path}/{_HEAD}")
    manifest = Manifest(pages=pages, sitemaps=tuple(head.get("sitemaps", ())), profiles=profiles_of(head) or {})
    return manifest, [f"{path}/{_HEAD}", *keys]


def profiles_of(head: Mapping[str, Any]) -> dict[str, SiteMarks] | None:
    """The profiles that a manifest's head names; None when it was written before there were any."""
    try:
        return {one: SiteMarks.model_validate(marks) for one, marks in head["profiles"].items()}
    except (KeyError, AttributeError, ValidationError):
        return None


async def read_head(services: Services, tenant: str, path: str) -> dict[str, Any]:
    """The head of the manifest at *path*; raises `ManifestDamaged`."""
    body = await sure(services, lambda: services.content.get(tenant, f"{path}/{_HEAD}"))
    head = _decode_head(body or b"")
    if head is None:
        message = f"The manifest at {path} is {'missing' if body is None else 'damaged'}."
        raise ManifestDamaged(message, key=f"{path}/{_HEAD}", is_missing=body is None)
    return head


async def read_needs(services: Services, tenant: str, path: str) -> frozenset[str]:
    """The content hashes of the generation at *path*; raises `ManifestDamaged` when they cannot be told."""
    body = await sure(services, lambda: services.content.get(tenant, f"{path}/{_NEEDS}"))
    digest = (await read_head(services, tenant, path)).get("needs")
    if body is None or digest not in (None, _digest(body)):
        pages = (await load_manifest(services, tenant, path)).pages
        return frozenset(page.content_hash for page in pages.values())
    return frozenset(body[start : start + _DIGEST_BYTES].hex() for start in range(0, len(body), _DIGEST_BYTES))


async def load_index_plan(services: Services, tenant: str, path: str) -> IndexPlan | None:
    """The index segments of the generation at *path*; None when they are not told, or not to be read."""
    if not path:
        return IndexPlan()
    body = await sure(services, lambda: services.content.get(tenant, index_plan_key(path)))
    try:
        return decode_plan(zlib.decompress(body, _GZIP)) if body is not None else None
    except (zlib.error, ValueError):
        return None


async def write_index_plan(services: Services, tenant: str, path: str, plan: IndexPlan) -> None:
    """Tell the index segments beside the list of pages at *path*."""
    body = zlib.compress(encode_plan(plan), 1, _GZIP)
    await sure(services, lambda: services.content.put(tenant, index_plan_key(path), body))


def index_plan_key(path: str) -> str:
    """Where the index segments of the generation at *path* are listed."""
    return f"{path}/{_INDEX}"


async def find_wrong_needs(
    services: Services, tenant: str, path: str, pages: Iterable[StoredPage]
) -> tuple[Flaw, str] | None:
    """What is wrong with the list of digests of the generation at *path*, which has *pages*, and its key."""
    key, wanted = f"{path}/{_NEEDS}", _pack_needs(pages)
    body = await sure(services, lambda: services.content.get(tenant, key))
    if wanted is None or body == wanted:
        return None
    return ("missing" if body is None else "corrupt"), key


async def jobs_needed(services: Services, library: Library) -> frozenset[str]:
    """The jobs whose results the kept generations of *library* point to."""
    jobs: set[str] = set()
    for pointer in library.kept:
        with suppress(ManifestDamaged):
            jobs.update((await read_head(services, library.tenant, pointer.path)).get("jobs", ()))
    return frozenset(jobs)


async def load_details(services: Services, tenant: str, pages: Iterable[StoredPage]) -> dict[str, StoredPage]:
    """The *pages* whole, by URL; one whose details have gone or are damaged is left out."""
    whole: dict[str, StoredPage] = {}
    async for _, body, asked in _results_of(services, tenant, pages):
        with suppress(zlib.error, ValidationError):
            whole |= {page.url: page for page in add_details(body, asked)}
    return whole


async def load_final_urls(services: Services, tenant: str, pages: Iterable[StoredPage]) -> dict[str, str]:
    """By the URL that the library shows: the one that each page was read under, after redirects."""
    found: dict[str, str] = {}
    async for key, body, asked in _results_of(services, tenant, pages):
        with suppress(zlib.error, ValidationError):
            urls = [page.url for page in decode_pages(body, key)]
            found |= {page.url: urls[line] for page in asked if (line := _line(page)) < len(urls)}
    return found


async def _results_of(
    services: Services, tenant: str, pages: Iterable[StoredPage]
) -> AsyncGenerator[tuple[str, bytes, list[StoredPage]], None]:
    """The result objects in which the details of *pages* stand, each with its key and those of the pages in it."""
    asked: dict[str, list[StoredPage]] = defaultdict(list)
    for page in pages:
        if page.details is not None:
            asked[page.details[0]].append(page)
    for keys in batched(sorted(asked), _OBJECTS_AT_ONCE):
        bodies = await sure(services, partial(services.content.get_many, tenant, keys))
        for key, body in bodies.items():
            yield key, body, asked[key]


def _line(page: StoredPage) -> int:
    return page.details[1] if page.details else 0


async def write_manifest(services: Services, tenant: str, pointer: Pointer, manifest: Manifest) -> None:
    """Write the parts, then the head, to the pointer's path."""
    parts: dict[str, list[StoredPage]] = defaultdict(list)
    for page in manifest.pages.values():
        parts["all" if len(manifest.pages) <= _SMALL else page.page_id[0]].append(page)
    names = []
    for prefix, members in sorted(parts.items()):
        name = f"part-{prefix}.jsonl.gz"
        await sure(services, partial(services.content.put, tenant, f"{pointer.path}/{name}", _pack(members)))
        names.append(name)
    needs = await write_needs(services, tenant, pointer.path, manifest.pages.values())
    if manifest.index is not None:
        await write_index_plan(services, tenant, pointer.path, manifest.index)
    head = {
        "version": 1,
        "generation": pointer.generation,
        "pages": len(manifest.pages),
        "parts": names,
        "needs": _digest(needs) if needs is not None else None,
        "sitemaps": list(manifest.sitemaps),
        "statistics": count_pages(manifest.pages.values()).model_dump(mode="json"),
        "profiles": {source_id: marks.model_dump() for source_id, marks in sorted(manifest.profiles.items())},
        "jobs": sorted({page.details[0].split("/")[1] for page in manifest.pages.values() if page.details}),
    }
    await sure(services, lambda: services.content.put(tenant, f"{pointer.path}/{_HEAD}", json.dumps(head).encode()))


async def write_needs(services: Services, tenant: str, path: str, pages: Iterable[StoredPage]) -> bytes | None:
    """Write the digests of *pages* beside the list at *path*; None when some page has a hash that is none."""
    needs = _pack_needs(pages)
    if needs is not None:
        await sure(services, lambda: services.content.put(tenant, f"{path}/{_NEEDS}", needs))
    return needs


def _digest(body: bytes) -> str:
    return sha256(body).hexdigest()


def batched(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """The items in parts of *size* (`itertools.batched` came with Python 3.12)."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _decode_head(body: bytes) -> dict[str, Any] | None:
    try:
        head = json.loads(body)
    except ValueError:
        return None
    return head if isinstance(head, dict) and isinstance(head.get("parts"), list) else None


def _pack(pages: Iterable[StoredPage]) -> bytes:
    return zlib.compress(b"\n".join(map(write_page, pages)), 1, _GZIP)


def _pack_needs(pages: Iterable[StoredPage]) -> bytes | None:
    """The digests in order; None when some page has a hash that is none."""
    try:
        digests = sorted({bytes.fromhex(page.content_hash) for page in pages})
    except ValueError:
        return None
    return b"".join(digests) if all(len(digest) == _DIGEST_BYTES for digest in digests) else None


def _pages_of(key: str, body: bytes | None) -> dict[str, StoredPage]:
    if body is None:
        raise ManifestDamaged(f"The list of pages at {key} is missing.", key=key, is_missing=True)
    try:
        pages = read_pages(zlib.decompress(body, _GZIP).split(b"\n"))
    except (zlib.error, ValidationError) as error:
        raise ManifestDamaged(f"The list of pages at {key} is damaged.", key=key) from error
    return {page.url: page for page in pages}
