"""Finding URLs: every link of a page, and every URL of a sitemap, is judged once, and what belongs joins the queue.

Laws (tests/unit/usecases/test_discover_urls.py):

1. A URL is judged when it is found: scope, then kind, robots, nofollow, depth, traps; what is ruled out costs no item
   and no event of its own, only its place in `urls_discovered`.
2. A URL is known once, by its canonical spelling; its depth is the least over all known paths, and what a better path
   changes for the pages behind it is changed too.
3. What was ruled out by nofollow or by depth is looked at again when another link, or a shorter path, leads there.
4. What a page has brought stands in the log before the page's own verdict: a driver that dies in between loses none.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence

from runnel.domain import events as e
from runnel.domain.frontier import Frontier
from runnel.domain.jobs import Job, Source
from runnel.domain.payloads import FetchedPage
from runnel.domain.traps import TrapGuard
from runnel.domain.verdicts import QueuedUrl, SkipReason
from runnel.fetching.assets import asset_kind
from runnel.fetching.canonical import Spelling, host_key
from runnel.usecases.crawl_scope import CrawlScope
from runnel.usecases.load_robots import RobotsLoader
from runnel.usecases.recording import Recorder
from runnel.usecases.retry_job import Previous
from runnel.usecases.site_profiles import SAMPLE_LINKS

#: `urls_discovered` shows so many URLs, and one event carries so many at most.
_SHOWN_URLS = 50
_URLS_AN_EVENT = 250
#: Links whose canonical spelling is remembered: far more than the pages of a site repeat.
_SPELLINGS_KEPT = 100_000

#: Links of a start page among which its sample is looked for.
_LOOKED_AT = 1_000

#: Deeper than anything.
_NEVER = 1 << 30

NewUrl = tuple[str, int, str | None]
RuledOutUrl = tuple[str, str, str]
Ruling = tuple[str, str]

_MOVED = (
    "The start URL {url} redirects to {arrived}, beside its own directory: the crawl takes in what lies there."
    " Start from there, or give --scope, to say it yourself."
)
_ASSET = SkipReason.ASSET.value
NOFOLLOW_LINK = (SkipReason.NOFOLLOW.value, "rel=nofollow")
NOFOLLOW_PAGE = (SkipReason.NOFOLLOW.value, "robots meta nofollow")
NOFOLLOW_HEADER = (SkipReason.NOFOLLOW.value, "X-Robots-Tag: nofollow")


class Discovery:
    """What a job has seen, and how a new URL is judged."""

    def __init__(
        self, job: Job, recorder: Recorder, robots: RobotsLoader, frontier: Frontier, *, spelling: Spelling
    ) -> None:
        """Judge by the options of *job* and by *robots*; feed *frontier* with URLs of one *spelling*."""
        self._job = job
        self._recorder = recorder
        self._robots = robots
        self._frontier = frontier
        self._spelling = spelling
        self.scope = CrawlScope(job, spelling)
        self._starts = self.scope.starts
        #: Ruled out as beyond the scope, before it was known that a start URL has moved there.
        self._gained: set[str] = set()
        self._traps = TrapGuard(year=job.created_at.year)
        self._parents: dict[str, str | None] = {}
        #: What the jobs before a retry have seen: links to it are not taken again.
        self._seen_before: set[str] = set()
        self._canonical: dict[str, str | None] = {}
        #: By link as written: the least depth at which it was followed. Nothing comes of it at that depth or beyond.
        self._settled: dict[str, int] = {}
        self._lastmods: dict[str, str] = {}
        #: What is being taken stands in a sitemap.
        self._is_listing = False
        #: By source: URLs that wait for it to begin.
        self._later: dict[str, list[str]] = {}

    @property
    def seen(self) -> int:
        """Distinct URLs seen."""
        return len(self._frontier) + len(self._recorder.fold.ruled_out)

    def start_of(self, source: Source) -> str:
        """The start URL in the job's spelling."""
        return self.scope.start_of(source)

    def spell(self, url: str) -> str:
        """The one spelling of a URL that was fetched."""
        return self._to_canonical(url) or url

    def parent(self, url: str) -> str | None:
        """The page or the sitemap in which the URL was found first; None for a start URL."""
        return self._parents.get(url)

    def source_of(self, url: str) -> str:
        """The source whose directory holds the URL, else the one it was found from; of unknown ways the first."""
        if len(self._job.sources) == 1:
            return self._job.sources[0].source_id
        seen: set[str] = set()
        at: str | None = url
        while at is not None and at not in seen:
            owner = self.scope.owner(at)
            if owner is not None:
                return owner
            seen.add(at)
            at = self._parents.get(at)
        return self._job.sources[0].source_id

    # ---- what is known

    def recover(self, urls: tuple[QueuedUrl, ...]) -> None:
        """Rebuild the frontier from the URL queue and the log."""
        fold = self._recorder.fold
        self.scope.move(fold.moved)
        for item in urls:
            if item.url not in self._frontier:
                self._add(item.url, depth=item.depth, parent=item.parent, is_decided=item.url in fold.decided)
                self._traps.admit(item.url, depth=item.depth, parent=item.parent)
        for url, crawled in fold.crawled.items():
            self._traps.saw(url, crawled.note.get("text", crawled.body_hash))
        for first in fold.first_links.values():
            self._frontier.prefer(first)
        for source in self._job.sources:
            if source.source_id in fold.sources_started and self.start_of(source) in self._frontier:
                self._frontier.lower_depth(self.start_of(source), 0)
        for url in sorted(fold.links, key=self._frontier.depth):
            self._take(url, self._frontier.depth(url) + 1, fold.links[url])

    def add_start(self, source: Source) -> None:
        """Take the start URL of a source in."""
        url = self.start_of(source)
        if url not in self._frontier:
            self._add(url, depth=0, parent=None)
        else:
            self._frontier.lower_depth(url, 0)

    def release(self, source: Source) -> None:
        """Let the URLs of a source be fetched that were found before it began."""
        for waiting in self._later.pop(source.source_id, ()):
            self._frontier.release(waiting)

    def begin_retry(self, previous: Previous) -> None:
        """Take in what is to be fetched again, as far as the queue lacks it, and nothing else that was seen before."""
        self._seen_before = {record.url for record in previous.seen}
        for record in previous.seen:
            self._parents.setdefault(record.url, record.parent)
        again = [record for record in previous.again if record.url not in self._frontier]
        for start in range(0, len(again), _URLS_AN_EVENT):
            part = again[start : start + _URLS_AN_EVENT]
            for record in part:
                self._add(record.url, depth=record.depth, parent=record.parent)
            found = [(record.url, record.depth, record.parent) for record in part]
            self._discovered(self.scope.rules.start_urls[0], 0, found, [], [], [])

    # ---- what is found

    def first_links(self, url: str, links: Sequence[str]) -> list[str] | None:
        """The first links of a start page that are to be fetched, and from now on before all; None of another page."""
        if url not in self._starts:
            return None
        targets = self._spelled(links[:_LOOKED_AT])
        found = [target for target in targets if target in self._frontier and target not in self._starts]
        self._frontier.prefer(found[:SAMPLE_LINKS])
        return found[:SAMPLE_LINKS]

    def arrive(self, url: str, final_url: str) -> None:
        """A page has come from *final_url*: if its start URL has moved, say so, and let the crawl go there too."""
        if url not in self._starts or not self.scope.is_moving(url, arrived := self.spell(final_url)):
            return
        before = self.scope.now
        self._recorder.emit(
            e.Log, level="warning", message=_MOVED.format(url=url, arrived=arrived), note={"moved": {url: arrived}}
        )
        self.scope.move({url: arrived})
        gained = self.scope.gained(self._recorder.fold.ruled_out, before)
        self._gained.update(gained)
        self._take(url, self._frontier.depth(url) + 1, gained)

    def discover(self, url: str, page: FetchedPage) -> None:
        """Judge the links of a page that was crawled under *url*, and tell what is new."""
        self._traps.saw(url, page.text_hash or page.body_hash)
        depth = self._frontier.depth(url) + 1
        if page.nofollow:
            rule = NOFOLLOW_HEADER if page.robots_tag else NOFOLLOW_PAGE
            self._take(url, depth, self._spelled(page.links + page.nofollow_links), rule=rule)
            return
        self._take(url, depth, self._spelled(self._unsettled(page.links, depth)))
        if page.nofollow_links:
            self._take(url, depth, self._spelled(page.nofollow_links), rule=NOFOLLOW_LINK)

    def discover_known(self, url: str, links: Iterable[str]) -> None:
        """Judge the links that a page has had, for it has not changed, or has not come."""
        depth = self._frontier.depth(url) + 1
        self._take(url, depth, self._spelled(self._unsettled(links, depth)))

    def paths_from(self, links: Iterable[str]) -> list[str]:
        """Those of a page's links that a depth may depend on, for the log; nothing when no depth is asked for."""
        if self._job.options.max_depth is None:
            return []
        fold = self._recorder.fold
        return [url for url in self._spelled(links) if url in self._frontier or url in fold.second_looks]

    def lastmod(self, url: str) -> str | None:
        """When a sitemap says that the URL was changed last, RFC 3339 in UTC; this driver's sitemaps only."""
        return self._lastmods.get(url)

    def discover_listed(self, sitemap: str, urls: Sequence[str], lastmods: Sequence[str | None] = ()) -> int:
        """Judge the URLs that a *sitemap* lists as if a start page linked to them; how many of them are ruled out."""
        for url, time in zip(urls, lastmods, strict=False):
            if time is not None and (spelled := self._to_canonical(url)) is not None:
                self._lastmods[spelled] = time
        targets = self._spelled(urls)
        self._is_listing = True
        self._take(sitemap, 1, targets)
        self._is_listing = False
        return sum(url in self._recorder.fold.ruled_out for url in targets)

    def _take(self, url: str, depth: int, targets: Iterable[str], *, rule: Ruling | None = None) -> None:
        """Judge *targets*, and again what pages lead to that turn out to be nearer than was thought."""
        fold, frontier = self._recorder.fold, self._frontier
        work = deque([(url, depth, targets)])
        while work:
            parent, depth, targets = work.popleft()
            found = _Found()
            for target in targets:
                if target in frontier:
                    is_nearer = depth < frontier.depth(target)
                    if rule is None and (is_nearer or self._is_listing):
                        frontier.lower_depth(target, depth, is_listed=self._is_listing)
                    if rule is None and is_nearer:
                        work.append((target, depth + 1, fold.links.get(target, ())))
                elif self._is_to_be_judged(target, rule):
                    self._find(target, depth, parent, rule, found)
            self._tell(parent, depth - 1, found)

    def _is_to_be_judged(self, target: str, rule: Ruling | None) -> bool:
        """Whether a URL that stands in no queue is new, or may come in by this way; start URLs come by themselves."""
        if target in self._starts or target in self._seen_before:
            return False
        fold = self._recorder.fold
        if target in fold.ruled_out:
            return rule is None and (target in fold.second_looks or target in self._gained)
        return True

    def _find(self, target: str, depth: int, parent: str, rule: Ruling | None, found: "_Found") -> None:
        fold = self._recorder.fold
        is_second = target in fold.ruled_out
        out = self._judge(target, depth, parent, rule)
        if out is None:
            self._add(target, depth=depth, parent=parent)
            found.new.append((target, depth, parent))
            if is_second:
                found.second.append(target)
                fold.reconsider(target)
        elif not is_second:
            fold.rule_out(target, out[0])
            found.ruled_out.append((target, *out))
            if rule is not None or self._is_too_deep(depth):
                found.shunned.add(target)

    def _tell(self, url: str, depth: int, found: "_Found") -> None:
        again = set(found.second)
        for start in range(0, max(len(found.new), len(found.ruled_out)), _URLS_AN_EVENT):
            part = slice(start, start + _URLS_AN_EVENT)
            new, ruled_out = found.new[part], found.ruled_out[part]
            second = [target for target, _, _ in new if target in again]
            # Of a file that no link may be followed to, nothing is asked either.
            shunned = [target for target, reason, _ in ruled_out if reason == _ASSET and target in found.shunned]
            self._discovered(url, depth, new, ruled_out, second, shunned)

    def _discovered(
        self, url: str, depth: int, new: list[NewUrl], ruled_out: list[RuledOutUrl], second: list[str],
        shunned: list[str],
    ) -> None:  # fmt: skip
        count = len(new) - len(second) + len(ruled_out)
        notes = {"ruled_out": ruled_out, "second": second, "shunned": shunned}
        self._recorder.emit_with_urls(
            e.UrlsDiscovered,
            new,
            note={name: value for name, value in notes.items() if value},
            source_url=url,
            depth=depth,
            discovered_urls=tuple(found for found, _, _ in new[:_SHOWN_URLS]),
            count=count,
            total_discovered=self._recorder.fold.totals.discovered + count,
            skipped=Counter(reason for _, reason, _ in ruled_out),
            reconsidered=len(second),
        )

    def _judge(self, url: str, depth: int, parent: str, rule: Ruling | None) -> Ruling | None:
        """Why the URL is not to be fetched: reason and rule; None = it is."""
        out = self.scope.judge(url)
        if out is not None:
            return out
        kind = asset_kind(url)
        if kind is not None:
            return _ASSET, kind
        forbidden = self._robots.judge(url)
        if forbidden:
            return SkipReason.ROBOTS.value, forbidden
        if rule is not None:
            return rule
        if self._is_too_deep(depth):
            return SkipReason.DEPTH.value, f"max_depth {self._job.options.max_depth}"
        trap = self._traps.admit(url, depth=depth, parent=parent)
        return (SkipReason.TRAP.value, trap) if trap is not None else None

    def _is_too_deep(self, depth: int) -> bool:
        most = self._job.options.max_depth
        return most is not None and depth > most

    def _add(self, url: str, *, depth: int, parent: str | None, is_decided: bool = False) -> None:
        self._parents[url] = parent
        fold, source_id = self._recorder.fold, self.source_of(url)
        is_early = not is_decided and parent is not None and source_id not in fold.sources_started
        self._frontier.add(
            url,
            host=host_key(url),
            depth=depth,
            is_listed=self._is_listing or parent in fold.sitemaps,
            is_decided=is_decided,
            is_parked=is_early,
        )
        if is_early:
            self._later.setdefault(source_id, []).append(url)

    def _unsettled(self, links: Iterable[str], depth: int) -> list[str]:
        """Those of the links of a followed page that may bring something new: most are on every page of a site."""
        settled = self._settled
        fresh = [link for link in links if settled.get(link, _NEVER) > depth]
        settled.update(dict.fromkeys(fresh, depth))
        return fresh

    def _spelled(self, links: Iterable[str]) -> list[str]:
        """The distinct URLs among *links*, in order, in the job's spelling."""
        found = dict.fromkeys(map(self._to_canonical, links))
        found.pop(None, None)
        return [url for url in found if url is not None]

    def _to_canonical(self, link: str) -> str | None:
        """Most links of a site repeat from page to page, so each is canonicalised once."""
        try:
            return self._canonical[link]
        except KeyError:
            if len(self._canonical) >= _SPELLINGS_KEPT:
                self._canonical.clear()
            target = self._canonical[link] = self._spelling.of(link)
            return target


class _Found:
    """What the links of one page have brought."""

    __slots__ = ("new", "ruled_out", "second", "shunned")

    def __init__(self) -> None:
        self.new: list[NewUrl] = []
        self.ruled_out: list[RuledOutUrl] = []
        #: Of the new ones: those that were ruled out before.
        self.second: list[str] = []
        #: Of those ruled out: what no link may be followed to from here.
        self.shunned: set[str] = set()
