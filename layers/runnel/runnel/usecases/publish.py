"""Publishing: a crawl's pages become the library's next generation by one conditional write.

Laws (names are the rules of the commit model):
1. What is published is a function of the log and the results, not of timing: `same_page.py` tells which URLs are one
   page, and which of them is shown.
2. The path of the parts holds job and term, and the pointer names it [parts_unique]; the pointer moves only from the
   generation that was the base [pointer_conditional].
3. A successor that finds its own job among the published ones just says so [published_by, by_each_job].
   The bus is told what each generation changed, before it is the base of another (`tell_bus.py`).
4. A result by which the library would get worse is held, and the generation before stays (`domain/publish_safety.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from runnel.domain import events as e
from runnel.domain.bus import count_records
from runnel.domain.changes import Changes, compare
from runnel.domain.fold import JobFold
from runnel.domain.jobs import EndedBecause, Job
from runnel.domain.libraries import Library, Pointer
from runnel.domain.payloads import StoredPage
from runnel.domain.publish_safety import Hold, decide_hold
from runnel.domain.results import decode_pages
from runnel.domain.same_page import Shown, choose
from runnel.errors import LibraryNotFound, ManifestDamaged
from runnel.fetching.canonical import url_hash
from runnel.usecases.index_library import add_index, with_index
from runnel.usecases.known_pages import find_missing, load_known_again, objects_of
from runnel.usecases.manifests import Manifest, batched, load_manifest, write_manifest
from runnel.usecases.merge_pages import merge_pages
from runnel.usecases.merge_twins import merge_twins
from runnel.usecases.patience import sure
from runnel.usecases.read_library import get_library
from runnel.usecases.recording import Recorder
from runnel.usecases.services import Services
from runnel.usecases.stored_responses import as_before
from runnel.usecases.tell_bus import catch_up, tell_again, tell_changes
from runnel.usecases.track_batches import result_key

#: Result objects that are read at a time.
_OBJECTS_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a publication did to the library."""

    generation: int
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    #: What the library shows now; when the result is held, what it goes on showing.
    pages: tuple[StoredPage, ...] = ()
    #: Why the result was not published.
    hold: Hold | None = None
    #: What was wrong with the generation before, when it could not be read.
    warning: str | None = None
    #: What changed, page by page; of a held result, what would have.
    changes: Changes = field(default_factory=Changes)
    #: The pages as the result has them, of a held one too.
    result: tuple[StoredPage, ...] = ()


async def publish(
    services: Services, job: Job, fold: JobFold, *, run: str, because: EndedBecause, force: bool = False
) -> Published:
    """Build the next generation beside the present one, and point the library at it, or hold the result.

    Args:
        services: The ports.
        job: Whose result it is.
        fold: The job's log.
        run: Names this attempt among all of the job's: a driver's term.
        because: Why the job ended.
        force: Publish also what is to be held.

    Raises:
        LibraryNotFound: the library was deleted.
    """
    fresh, lost = await _check(services, job, await collect_pages(services, job, fold))
    while True:
        library = await sure(services, lambda: services.libraries.get(job.tenant, job.library_id))
        if library is None:
            raise LibraryNotFound(f"The library {job.library_id} has gone.")
        base, base_path, damage = await read_base(services, library)
        warning = damage or lost
        if job.job_id in library.published:
            return await _found(services, library, job, base)
        merged = await merge_pages(services, base, fresh, job, fold, because)
        changes = compare(base.pages, merged.manifest.pages)
        hold = None if force or job.retry_of else decide_hold(merged.toll)
        if hold is not None:
            return Published(
                generation=library.pointer.generation,
                pages=tuple(base.pages.values()),
                hold=hold,
                warning=warning,
                changes=changes,
                result=tuple(merged.manifest.pages.values()),
            )
        manifest = await with_index(services, library, base, base_path, merged.manifest)
        pointer = _pointer(services, library, job, run, base_path=base_path, pages=len(manifest.pages))
        changes = await add_index(services, job.tenant, pointer, base, manifest, changes)
        pointer = replace(pointer, records=count_records(changes))
        await write_manifest(services, job.tenant, pointer, manifest)
        await catch_up(services, library)
        move = partial(services.libraries.move_pointer, library, pointer, job_id=job.job_id)
        if await sure(services, move):
            await tell_changes(services, library, pointer, changes)
            return _published(pointer, changes, manifest, warning)


async def _check(
    services: Services, job: Job, fresh: dict[str, StoredPage]
) -> tuple[dict[str, StoredPage], str | None]:
    """The pages whose objects are there, and a warning about the others: some relied on what others had written.

    A page that is left out counts as one that failed for now: what the library has of it stays.
    """
    gone = await find_missing(services, job.tenant, Manifest(pages=fresh))
    if not gone:
        return fresh, None
    whole = {url: page for url, page in fresh.items() if gone.isdisjoint(objects_of(page))}
    lost = len(fresh) - len(whole)
    return whole, f"The objects of {lost} pages have gone since they were written; the next crawl fetches them anew."


async def weigh_held(services: Services, job: Job, fold: JobFold, because: EndedBecause) -> Published:
    """What a result would have done that a lost driver of this job has held."""
    fresh, _ = await _check(services, job, await collect_pages(services, job, fold))
    library = await sure(services, partial(get_library, services, job.tenant, job.library_id))
    base, _, _ = await read_base(services, library)
    merged = (await merge_pages(services, base, fresh, job, fold, because)).manifest
    changes = compare(base.pages, merged.pages)
    return Published(generation=library.pointer.generation, changes=changes, result=tuple(merged.pages.values()))


async def _found(services: Services, library: Library, job: Job, base: Manifest) -> Published:
    """What a lost driver of this job has published, told to the bus [bus_redo]."""
    generation = library.published[job.job_id]
    pages, changes = base.pages, Changes()
    for pointer in library.kept:
        if pointer.generation == generation:
            await tell_again(services, library, pointer)
            before, pages = await _both(services, library, pointer)
            changes = compare(before, pages)
    return Published(
        generation=generation,
        added=len(changes.added),
        changed=len(changes.changed),
        removed=len(changes.removed),
        unchanged=changes.unchanged,
        pages=tuple(base.pages.values()),
        changes=changes,
        result=tuple(pages.values()),
    )


async def _both(
    services: Services, library: Library, pointer: Pointer
) -> tuple[Mapping[str, StoredPage], Mapping[str, StoredPage]]:
    """The pages before and after a generation; of a damaged one nothing is told."""
    try:
        before = await load_manifest(services, library.tenant, pointer.base_path)
        after = await load_manifest(services, library.tenant, pointer.path)
    except ManifestDamaged:
        return {}, {}
    return before.pages, after.pages


def tell_published(recorder: Recorder, job: Job, published: Published) -> None:
    """Say what became of a result."""
    if published.warning is not None:
        recorder.emit(e.Log, level="warning", message=published.warning)
    if published.hold is not None:
        hold = published.hold
        recorder.emit(e.LibraryHeld, library_id=job.library_id, reason=hold.reason, limits=dict(hold.limits))
        return
    recorder.emit(
        e.LibraryPublished,
        library_id=job.library_id,
        generation=published.generation,
        added=published.added,
        changed=published.changed,
        removed=published.removed,
        unchanged=published.unchanged,
    )


async def read_base(services: Services, library: Library) -> tuple[Manifest, str, str | None]:
    """The generation that the library shows, and its path; when it is damaged the newest that is not, and a warning."""
    warning = None
    for pointer in (library.pointer, *library.kept[1:]):
        try:
            return await load_manifest(services, library.tenant, pointer.path), pointer.path, warning
        except ManifestDamaged as damage:
            warning = warning or damage.message
    return Manifest(), "", warning


def _pointer(services: Services, library: Library, job: Job, run: str, *, base_path: str, pages: int) -> Pointer:
    number = library.pointer.generation + 1
    return Pointer(
        generation=number,
        path=f"generations/{library.library_id}/{number}-{job.job_id}-{run}",
        base_path=base_path,
        published_by=job.job_id,
        pages=pages,
        published_at=services.clock.now(),
    )


async def collect_pages(services: Services, job: Job, fold: JobFold) -> dict[str, StoredPage]:
    """This job's pages by the URL they were crawled under."""
    batch_ids = tuple(sorted(set(fold.batch_of.values())))
    ask = partial(services.batches.get_many, job.tenant, job.job_id, batch_ids)
    found = await sure(services, ask)
    keys = [result_key(job.job_id, name, part) for name in batch_ids if name in found for part in found[name].parts]
    pages: dict[str, StoredPage] = {}
    for some in batched(keys, _OBJECTS_AT_ONCE):
        bodies = await sure(services, partial(services.content.get_many, job.tenant, some))
        for key in some:
            for page in decode_pages(bodies[key], key) if key in bodies else ():
                pages[page.aliases[0] if page.aliases else page.url] = page
    if fold.replayed:
        return as_before(fold, pages)
    return await merge_twins(services, job.tenant, _choose(fold, pages | await _recall(services, job, fold)))


async def _recall(services: Services, job: Job, fold: JobFold) -> dict[str, StoredPage]:
    """The pages that had not changed, as the generation has them that the crawl compared with."""
    urls = [url for url, crawled in fold.crawled.items() if "raw" not in crawled.note]
    if not urls or not fold.base:
        return {}
    known = await load_known_again(services, job.tenant, fold.base)
    found = {url: page for url in urls if (page := known.page_of(url)) is not None}
    # Their own fields come from the generation that the result is put upon: a user may have set them since.
    return {url: page.model_copy(update={"metadata": {}}) if page.metadata else page for url, page in found.items()}


def _choose(fold: JobFold, pages: Mapping[str, StoredPage]) -> dict[str, StoredPage]:
    """Each page once that is worth keeping, under the URL that does not depend on timing."""
    dropped = {fold.crawled[url].body_hash for url in fold.dropped if url in fold.crawled}
    usable = {url: page for url, page in pages.items() if page.body_hash not in dropped}
    contents = {url: page.content_hash for url, page in usable.items()}
    chosen: dict[str, StoredPage] = {}
    follows_none = {url for url, crawled in fold.crawled.items() if crawled.note.get("nofollow")}.__contains__
    for shown in choose((crawled.fetched(url) for url, crawled in fold.crawled.items()), contents=contents):
        page = usable.get(shown.source)
        if page is not None and not page.low_quality:
            nofollow = page.nofollow or any(map(follows_none, (shown.url, *shown.others)))
            chosen[shown.url] = _shown_as(page, shown, nofollow=nofollow)
    return _without_twins(chosen)


def _shown_as(page: StoredPage, shown: Shown, *, nofollow: bool) -> StoredPage:
    """The page as the library shows it; most are shown as they came, and a copy costs as much as reading one."""
    if (page.url, page.aliases, page.nofollow) == (shown.url, shown.others, nofollow):
        return page
    same = {"url": shown.url, "page_id": url_hash(shown.url), "aliases": shown.others, "nofollow": nofollow}
    return page.model_copy(update=same)


def _without_twins(pages: dict[str, StoredPage]) -> dict[str, StoredPage]:
    """The pages without those that are the Markdown of another, and were found by a link: they are its other name."""
    twins = {page.twin_url: url for url, page in pages.items() if page.twin_url and page.twin_url != url}
    merged = {twin: url for twin, url in twins.items() if twin in pages and not pages[twin].twin_url}
    for twin, url in merged.items():
        others = {*pages[url].aliases, twin, *pages.pop(twin).aliases}
        pages[url] = pages[url].model_copy(update={"aliases": tuple(sorted(others))})
    return pages


def _published(pointer: Pointer, changes: Changes, manifest: Manifest, warning: str | None) -> Published:
    return Published(
        generation=pointer.generation,
        added=len(changes.added),
        changed=len(changes.changed),
        removed=len(changes.removed),
        unchanged=changes.unchanged,
        pages=tuple(manifest.pages.values()),
        warning=warning,
        changes=changes,
        result=tuple(manifest.pages.values()),
    )
