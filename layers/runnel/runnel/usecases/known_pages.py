"""What an incremental crawl knows before it asks: the pages of the generation that it starts from.

Laws:
1. The generation is chosen once, by the first driver, and stands in the log: all drivers of the job compare with the
   same pages, whoever publishes meanwhile.
2. A page is known under its address and under those that led to it. Validators are sent to the address that they came
   from only.
3. A page whose Markdown or links have gone is not known: it is fetched as if it were new.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from runnel.domain import events as e
from runnel.domain.jobs import Job
from runnel.domain.payloads import CrawlTarget, StoredPage
from runnel.errors import ManifestDamaged
from runnel.usecases.manifests import Manifest, load_details, load_manifest
from runnel.usecases.patience import sure
from runnel.usecases.process_pages import page_key
from runnel.usecases.recording import Recorder
from runnel.usecases.services import Services

#: Result objects whose links are remembered, the latest ones.
_REMEMBERED = 64


class KnownPages:
    """The pages of one generation, by every address that leads to them."""

    def __init__(self, services: Services, tenant: str, pages: Mapping[str, StoredPage]) -> None:
        """Know *pages*; their links are read from the stores when they are asked for."""
        self._services = services
        self._tenant = tenant
        self._pages = {alias: page for page in pages.values() for alias in page.aliases} | dict(pages)
        self._siblings: dict[str, list[StoredPage]] = {}
        for page in pages.values():
            if page.details is not None:
                self._siblings.setdefault(page.details[0], []).append(page)
        self._links: dict[str, dict[str, tuple[str, ...]]] = {}
        #: Result objects that are being read.
        self._loading: dict[str, asyncio.Event] = {}

    def __len__(self) -> int:
        """Pages known."""
        return sum(map(len, self._siblings.values()))

    def page_of(self, url: str) -> StoredPage | None:
        """The page that *url* led to."""
        return self._pages.get(url)

    def target(self, url: str, *, changed_at: str | None = None) -> CrawlTarget:
        """What to ask of the crawler: with all by which it can tell that nothing has changed.

        A page that was changed after it was fetched, as its sitemap says (*changed_at*, RFC 3339 in UTC), is asked for
        whole: a server whose validators are stale would keep the change from us.
        """
        page = self._pages.get(url)
        if page is None:
            return CrawlTarget(url=url)
        is_stale = changed_at is not None and changed_at[:19] > page.fetched_at[:19]
        return CrawlTarget(
            url=url,
            etag=None if is_stale else page.etag,
            last_modified=None if is_stale else page.last_modified,
            known_url=page.url,
            body_hash=page.body_hash,
        )

    async def links_of(self, url: str) -> tuple[str, ...]:
        """The links of the page that *url* led to; none when it asks for none to be followed."""
        page = self._pages.get(url)
        if page is None or page.details is None or page.nofollow:
            return ()
        key = page.details[0]
        while (links := self._links.get(key)) is None:
            if key in self._loading:  # pages that were processed together are asked for together
                await self._loading[key].wait()
            else:
                await self._load(key)
        return links.get(page.url, ())

    async def _load(self, key: str) -> None:
        loaded = self._loading[key] = asyncio.Event()
        try:
            whole = await load_details(self._services, self._tenant, self._siblings[key])
            while len(self._links) >= _REMEMBERED:
                del self._links[next(iter(self._links))]
            self._links[key] = {one.url: one.links for one in whole.values()}
        finally:
            del self._loading[key]
            loaded.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What an incremental crawl starts from, and how that is told."""

    known: KnownPages
    #: The generation's path; "" when the crawl has to fetch everything.
    path: str
    level: Literal["info", "warning"]
    message: str


async def recall_library(services: Services, job: Job, recorder: Recorder) -> KnownPages:
    """What the library has of an incremental crawl's pages; the first driver says with which generation."""
    base = recorder.fold.base
    if base is not None:
        return await load_known_again(services, job.tenant, base)
    beginning = await choose_base(services, job)
    recorder.emit(e.Log, note={"base": beginning.path}, level=beginning.level, message=beginning.message)
    return beginning.known


async def choose_base(services: Services, job: Job) -> Beginning:
    """The generation that the library shows; a crawl without one that can be read fetches everything, and says so."""
    library = await sure(services, lambda: services.libraries.get(job.tenant, job.library_id))
    path = library.pointer.path if library is not None else ""
    if library is None or not path:
        return _from_nothing(services, job, "The library has no pages yet.")
    try:
        known = await load_known(services, job.tenant, path)
    except ManifestDamaged as damage:
        return _from_nothing(services, job, damage.message)
    lost = library.pointer.pages - len(known)
    if lost:
        message = f"{lost} of the library's {library.pointer.pages} pages lack an object: they are fetched anew."
        return Beginning(known=known, path=path, level="warning", message=message)
    message = f"Incremental: {len(known)} pages are known from generation {library.pointer.generation}."
    return Beginning(known=known, path=path, level="info", message=message)


def _from_nothing(services: Services, job: Job, why: str) -> Beginning:
    message = f"{why} Everything is fetched, as by mode 'full'."
    return Beginning(known=nothing_known(services, job.tenant), path="", level="warning", message=message)


def nothing_known(services: Services, tenant: str) -> KnownPages:
    """What a full crawl knows."""
    return KnownPages(services, tenant, {})


async def load_known(services: Services, tenant: str, path: str) -> KnownPages:
    """The pages of the generation at *path* that are whole; raises `ManifestDamaged`."""
    manifest = await load_manifest(services, tenant, path)
    gone = await find_missing(services, tenant, manifest)
    pages = {
        url: page for url, page in manifest.pages.items() if page.details and not gone.intersection(objects_of(page))
    }
    return KnownPages(services, tenant, pages)


async def load_known_again(services: Services, tenant: str, path: str) -> KnownPages:
    """As `load_known`, for a later driver: what has been damaged meanwhile is not known any more."""
    try:
        return await load_known(services, tenant, path)
    except ManifestDamaged:
        return nothing_known(services, tenant)


async def find_missing(services: Services, tenant: str, manifest: Manifest) -> set[str]:
    """The objects that the pages of *manifest* need and that are not there."""
    keys = sorted({key for page in manifest.pages.values() for key in objects_of(page)})
    return await sure(services, lambda: services.content.missing(tenant, keys))


def objects_of(page: StoredPage) -> tuple[str, ...]:
    """The keys of the objects that a page consists of."""
    return (page_key(page.content_hash), page.details[0]) if page.details else (page_key(page.content_hash),)
