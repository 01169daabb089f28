"""From the generation before and a crawl's pages to the next generation: which of the old pages stay.

Laws:
1. A crawl replaces the pages of the sources that it ran; all others stay, and those of a source that gave nothing.
2. A page goes when its address answers 404 or 410, when the crawl was told not to keep it, or when nothing leads to it
   any more: the crawl ended by itself, every sitemap was read, and no page that linked to it failed.
3. A crawl that stopped early (limit, budget, deadline), and one that tries again what failed in another, adds and
   changes; it takes nothing away.
4. What has moved leaves no copy under its old address; what failed for now stays as it was, and so does a page of
   which this crawl got nothing worth keeping.
5. A page keeps the user's own metadata when its text changes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from runnel.domain.fold import JobFold
from runnel.domain.jobs import EndedBecause, Job
from runnel.domain.markdown_twins import is_markdown_name
from runnel.domain.payloads import StoredPage
from runnel.domain.publish_safety import Toll
from runnel.domain.verdicts import ErrorCategory, Verdict
from runnel.fetching.canonical import canonicalize
from runnel.usecases.manifests import Manifest, load_details
from runnel.usecases.services import Services
from runnel.usecases.site_profiles import stored_profiles

_GONE = frozenset({404, 410})
_FOUND = frozenset({Verdict.FETCHED, Verdict.UNCHANGED, Verdict.DUPLICATE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The next generation, and what it would cost."""

    manifest: Manifest
    toll: Toll


async def merge_pages(
    services: Services,
    base: Manifest,
    fresh: Mapping[str, StoredPage],
    job: Job,
    fold: JobFold,
    because: EndedBecause,
) -> Merged:
    """The next generation of a library that shows *base*, after a crawl that brought *fresh*."""
    ours = {source.source_id for source in job.sources} - fold.sources_barren
    old = {url: page for url, page in base.pages.items() if page.source_id in ours}
    judge = _Judge(base, old, fresh, fold, is_done=_knows_all(job, fold, because))
    await judge.shield(services, job)
    kept = {url: page for url, page in old.items() if url not in fresh and judge.stays(page)}
    others = {url: page for url, page in base.pages.items() if url not in old}
    mine = {url: _with_metadata(page, base.pages.get(url) or judge.before(page)) for url, page in fresh.items()}
    pages = dict(sorted({**others, **kept, **mine}.items()))
    gone = sum(judge.is_gone(page) for url, page in old.items() if url not in pages)
    sitemaps = base.sitemaps if fold.replayed else tuple(sorted(fold.sitemaps_read))
    return Merged(
        manifest=Manifest(
            pages=pages,
            sitemaps=sitemaps,
            profiles={**base.profiles, **await stored_profiles(services, job, fold)},
        ),
        toll=_toll(fold, old, gone),
    )


def _knows_all(job: Job, fold: JobFold, because: EndedBecause) -> bool:
    """Whether what this result lacks has gone: its crawl came to the end of the site."""
    return because is EndedBecause.DONE and job.retry_of is None and not fold.is_cut_short


class _Judge:
    """Decides about the old pages of the crawled sources."""

    def __init__(
        self,
        base: Manifest,
        old: Mapping[str, StoredPage],
        fresh: Mapping[str, StoredPage],
        fold: JobFold,
        *,
        is_done: bool,
    ) -> None:
        self._fold = fold
        self._fresh = fresh
        self._is_done = is_done
        self._twins = {page.twin_url for page in fresh.values()}
        self._twins |= {name for page in fresh.values() for name in page.aliases if is_markdown_name(name)}
        self._bodies = {page.body_hash for page in fresh.values()}
        self._by_alias = {alias: page for page in old.values() for alias in page.aliases}
        self._may_be_unseen = not fold.sitemaps_unread and fold.sitemaps_read.issuperset(base.sitemaps)
        self._old = old
        self._shielded: set[str] = set()

    async def shield(self, services: Services, job: Job) -> None:
        """Find the old pages that nothing says anything about: what links to them, or their source's start, failed."""
        broken = {source.source_id for source in job.sources if self._failed_for_now(_start(source.url))}
        self._shielded = {url for url, page in self._old.items() if page.source_id in broken}
        waiting = [page for page in self._old.values() if any(self._failed_for_now(name) for name in _names(page))]
        while waiting:
            whole = await load_details(services, job.tenant, waiting)
            linked = {target for page in whole.values() for target in _targets(page)}
            found = [page for link in linked if (page := self._old.get(link) or self._by_alias.get(link)) is not None]
            waiting = [page for page in found if page.url not in self._shielded | self._fold.decided.keys()]
            self._shielded.update(page.url for page in waiting)

    def stays(self, page: StoredPage) -> bool:
        """Whether an old page that this crawl did not bring again belongs to the next generation."""
        if self._has_moved(page):
            return False
        if not self._is_done or any(self._failed_for_now(name) for name in _names(page)):
            return True
        verdict = self._fold.decided.get(page.url)
        if verdict is not None or page.url in self._fold.ruled_out:
            return False
        return page.url in self._shielded or not self._may_be_unseen

    def is_gone(self, page: StoredPage) -> bool:
        """Whether a page that does not stay is lost: its content stands nowhere else."""
        return not self._has_moved(page) and page.body_hash not in self._bodies

    def before(self, page: StoredPage) -> StoredPage | None:
        """The old page whose successor *page* is, under another address."""
        return next((old for alias in page.aliases if (old := self._by_alias.get(alias)) is not None), None)

    def _has_moved(self, page: StoredPage) -> bool:
        """Whether the page's address leads to a page that the library has under another one."""
        if page.url in self._twins:
            return True
        crawled = self._fold.crawled.get(page.url)
        return crawled is not None and (crawled.body_hash in self._bodies or crawled.final_url in self._fresh)

    def _failed_for_now(self, url: str) -> bool:
        """Whether the address may answer again: it failed, and not because there is nothing; or its text was lost."""
        failure = self._fold.failed.get(url)
        if failure is not None:
            return failure.status not in _GONE
        crawled = self._fold.crawled.get(url)
        return crawled is not None and crawled.body_hash not in self._bodies and crawled.final_url not in self._fresh


def _names(page: StoredPage) -> Iterator[str]:
    yield page.url
    yield from page.aliases


def _targets(page: StoredPage) -> Iterable[str]:
    return (target for link in page.links if (target := canonicalize(link)) is not None)


def _start(url: str) -> str:
    return canonicalize(url) or url


def _with_metadata(page: StoredPage, before: StoredPage | None) -> StoredPage:
    if before is None or not before.metadata or before.metadata == page.metadata:
        return page
    return page.model_copy(update={"metadata": {**before.metadata, **page.metadata}})


def _toll(fold: JobFold, old: Mapping[str, StoredPage], gone: int) -> Toll:
    empty = sum(failure.category is ErrorCategory.EMPTY_PAGE for failure in fold.failed.values())
    faded = len(fold.low_quality & old.keys())
    dead = sum(failure.status in _GONE for failure in fold.failed.values())
    good = sum(verdict in _FOUND for verdict in fold.decided.values()) - len(fold.dropped)
    failed = len(fold.failed) - empty - dead + len(fold.dropped)
    return Toll(old=len(old), gone=gone, good=max(0, good - faded), failed=failed, empty=empty + faded)
