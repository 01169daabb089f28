"""Publishing: a crawl's pages become the library's next generation by one conditional write.

Laws (names are the rules of the commit model):
1. What is published is a function of the log and the results, not of timing: of equal bodies the declared canonical
   URL is kept, else the shortest, else the least.
2. The path of the parts holds job and term, and the pointer names it [parts_unique]; the pointer moves only from the
   generation that was the base [pointer_conditional].
3. A successor that finds its own job among the published ones just says so [published_by, by_each_job].
"""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from runnel.domain.fold import Crawled, JobFold
from runnel.domain.jobs import EndedBecause, Job
from runnel.domain.libraries import Library, Pointer
from runnel.domain.payloads import StoredPage
from runnel.domain.results import decode_pages
from runnel.domain.verdicts import Verdict
from runnel.errors import LibraryNotFound
from runnel.usecases.patience import sure
from runnel.usecases.services import Services
from runnel.usecases.track_batches import result_key

#: Parts of a manifest: one for a small library, sixteen by hash prefix for a large one.
_SMALL = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a publication did to the library."""

    generation: int
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    pages: tuple[StoredPage, ...] = ()


async def publish(services: Services, job: Job, fold: JobFold, *, term: int, because: EndedBecause) -> Published:
    """Build the next generation beside the present one, and point the library at it."""
    fresh = await _collect(services, job, fold)
    while True:
        library = await sure(services, lambda: services.libraries.get(job.tenant, job.library_id))
        if library is None:
            raise LibraryNotFound(f"The library {job.library_id} has gone.")
        base = await read_manifest(services, library)
        if job.job_id in library.published:
            return Published(generation=library.published[job.job_id], pages=tuple(base.values()))
        pages = _merge(base, fresh, job, keep_old=because is not EndedBecause.DONE or job.retry_of is not None)
        pointer = await _write_parts(services, library, pages, job, term)
        move = partial(services.libraries.move_pointer, library, pointer, job_id=job.job_id)
        if await sure(services, move):
            return _difference(pointer.generation, base, pages)


async def read_manifest(services: Services, library: Library) -> dict[str, StoredPage]:
    """The pages of the library's present generation by URL."""
    if not library.pointer.path:
        return {}
    tenant = library.tenant
    head = await sure(services, lambda: services.content.get(tenant, f"{library.pointer.path}/manifest.json"))
    parts = json.loads(head)["parts"] if head else []
    pages: dict[str, StoredPage] = {}
    for name in parts:
        body = await sure(services, partial(services.content.get, tenant, f"{library.pointer.path}/{name}"))
        for line in gzip.decompress(body).splitlines() if body else ():
            page = StoredPage.model_validate_json(line)
            pages[page.url] = page
    return pages


async def _collect(services: Services, job: Job, fold: JobFold) -> dict[str, StoredPage]:
    """This job's pages by the URL they were crawled under."""
    pages: dict[str, StoredPage] = {}
    for batch_id in sorted(set(fold.batch_of.values())):
        ask = partial(services.batches.get_many, job.tenant, job.job_id, (batch_id,))
        batch = (await sure(services, ask)).get(batch_id)
        for part in batch.parts if batch else ():
            key = result_key(job.job_id, batch_id, part)
            body = await sure(services, partial(services.content.get, job.tenant, key))
            for page in decode_pages(body) if body else ():
                pages[page.aliases[0] if page.aliases else page.url] = page
    return _choose(fold, pages)


def _choose(fold: JobFold, pages: Mapping[str, StoredPage]) -> dict[str, StoredPage]:
    """One page for each body, under the URL that does not depend on timing."""
    groups: dict[str, list[tuple[str, Crawled]]] = defaultdict(list)
    for url, crawled in fold.crawled.items():
        groups[crawled.body_hash].append((url, crawled))
    chosen: dict[str, StoredPage] = {}
    for members in groups.values():
        first = next((url for url, crawled in members if crawled.outcome is not Verdict.DUPLICATE), None)
        if first is None or first in fold.dropped or first not in pages:
            continue
        best = _best_url(crawled for _, crawled in members)
        others = tuple(sorted({url for url, _ in members} | {crawled.final_url for _, crawled in members} - {best}))
        page = pages[first].model_copy(update={"url": best, "aliases": tuple(url for url in others if url != best)})
        rival = chosen.get(best)
        if rival is None or page.body_hash < rival.body_hash:
            chosen[best] = page
    return chosen


def _best_url(members: Iterable[Crawled]) -> str:
    members = list(members)
    declared = {crawled.note.get("canonical") for crawled in members}
    finals = sorted((crawled.final_url for crawled in members), key=lambda url: (url not in declared, len(url), url))
    return finals[0]


def _merge(
    base: Mapping[str, StoredPage], fresh: Mapping[str, StoredPage], job: Job, *, keep_old: bool
) -> dict[str, StoredPage]:
    """The next generation: other sources' pages stay; our own are replaced, or kept when the crawl did not finish."""
    ours = {source.source_id for source in job.sources}
    stay = {url: page for url, page in base.items() if keep_old or page.source_id not in ours}
    return dict(sorted({**stay, **fresh}.items()))


async def _write_parts(
    services: Services, library: Library, pages: Mapping[str, StoredPage], job: Job, term: int
) -> Pointer:
    number = library.pointer.generation + 1
    path = f"generations/{library.library_id}/{number}-{job.job_id}-{term}"
    parts: dict[str, list[StoredPage]] = defaultdict(list)
    for page in pages.values():
        parts["all" if len(pages) <= _SMALL else page.page_id[0]].append(page)
    names = []
    for prefix, members in sorted(parts.items()):
        name = f"part-{prefix}.jsonl.gz"
        lines = "\n".join(page.model_dump_json() for page in members).encode("utf-8", "replace")
        body = gzip.compress(lines, 1, mtime=0)
        await sure(services, partial(services.content.put, job.tenant, f"{path}/{name}", body))
        names.append(name)
    head = json.dumps({"version": 1, "generation": number, "pages": len(pages), "parts": names}).encode()
    await sure(services, lambda: services.content.put(job.tenant, f"{path}/manifest.json", head))
    return Pointer(
        generation=number,
        path=path,
        published_by=job.job_id,
        pages=len(pages),
        published_at=services.clock.now(),
    )


def _difference(generation: int, base: Mapping[str, StoredPage], pages: Mapping[str, StoredPage]) -> Published:
    both = base.keys() & pages.keys()
    changed = sum(base[url].content_hash != pages[url].content_hash for url in both)
    return Published(
        generation=generation,
        added=len(pages.keys() - base.keys()),
        changed=changed,
        removed=len(base.keys() - pages.keys()),
        unchanged=len(both) - changed,
        pages=tuple(pages.values()),
    )
