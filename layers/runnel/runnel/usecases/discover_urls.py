"""Finding URLs: every link of a page, and every URL of a sitemap, is judged once, and what belongs joins the queue.

Laws:
1. A URL is judged when it is found: scope, then kind, then robots, then depth; what is ruled out costs no item and no
   event of its own, only its place in `urls_discovered`.
2. A URL is known once, by its canonical spelling; a shorter path to it lowers its depth.
"""

from collections import Counter
from collections.abc import Iterable

from runnel.domain import events as e
from runnel.domain.frontier import Frontier
from runnel.domain.jobs import Job
from runnel.domain.payloads import ScopeRules
from runnel.domain.scope import Scope
from runnel.domain.verdicts import QueuedUrl, SkipReason
from runnel.fetching.assets import asset_kind
from runnel.fetching.canonical import canonicalize, host_key
from runnel.usecases.load_robots import RobotsLoader
from runnel.usecases.recording import Recorder
from runnel.usecases.retry_job import Previous

#: `urls_discovered` shows so many URLs, and one event carries so many at most.
_SHOWN_URLS = 50
_URLS_AN_EVENT = 250

NewUrl = tuple[str, int, str | None]
RuledOutUrl = tuple[str, str, str]


class Discovery:
    """What a job has seen, and how a new URL is judged."""

    def __init__(self, job: Job, recorder: Recorder, robots: RobotsLoader, frontier: Frontier) -> None:
        """Judge by the options of *job* and by *robots*; feed *frontier*."""
        self._job = job
        self._recorder = recorder
        self._robots = robots
        self._frontier = frontier
        self.rules = ScopeRules(
            start_urls=tuple(source.url for source in job.sources),
            include=job.options.include,
            exclude=job.options.exclude,
            scope=job.options.scope,
            allow_domains=job.options.allow_domains,
        )
        self._scope = Scope.of(self.rules)
        self._starts = {canonicalize(source.url) or source.url: source.source_id for source in job.sources}
        self._parents: dict[str, str | None] = {}
        #: What the jobs before a retry have seen: links to it are not taken again.
        self._seen_before: set[str] = set()
        self._canonical: dict[str, str | None] = {}

    @property
    def seen(self) -> int:
        """Distinct URLs seen."""
        return len(self._frontier) + len(self._recorder.fold.ruled_out)

    def parent(self, url: str) -> str | None:
        """The page or the sitemap in which the URL was found first; None for a start URL."""
        return self._parents.get(url)

    def source_of(self, url: str) -> str:
        """The source from whose start URL this one was found; of unknown ways (a sitemap) the first source."""
        seen: set[str] = set()
        while url not in self._starts and url not in seen:
            seen.add(url)
            url = self._parents.get(url) or url
        return self._starts.get(url, self._job.sources[0].source_id)

    def recover(self, urls: tuple[QueuedUrl, ...]) -> None:
        """Rebuild the frontier from the URL queue and the log."""
        decided = self._recorder.fold.decided
        for item in urls:
            if item.url not in self._frontier:
                self._parents[item.url] = item.parent
                is_decided = item.url in decided
                self._frontier.add(item.url, host=host_key(item.url), depth=item.depth, is_decided=is_decided)

    def add_start(self, url: str) -> bool:
        """Take a start URL in; False when it is known."""
        if url in self._frontier:
            return False
        self._add(url, depth=0, parent=None)
        return True

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
            self._discovered(self.rules.start_urls[0], 0, found, [])

    def discover(self, url: str, links: Iterable[str]) -> None:
        """Judge the links of a page that was crawled under *url*, and tell what is new."""
        self._take(url, self._frontier.depth(url) + 1, links)

    def discover_listed(self, sitemap: str, urls: Iterable[str]) -> int:
        """Judge the URLs that a *sitemap* lists as if a start page linked to them; how many of them are ruled out."""
        self._take(sitemap, 1, urls)
        return sum(self._to_canonical(url) in self._recorder.fold.ruled_out for url in urls)

    def _take(self, url: str, depth: int, links: Iterable[str]) -> None:
        new: list[NewUrl] = []
        ruled_out: list[RuledOutUrl] = []
        for link in links:
            target = self._to_canonical(link)
            if target is None:
                continue
            if target in self._frontier:
                self._frontier.lower_depth(target, depth)
            elif target not in self._recorder.fold.ruled_out and target not in self._seen_before:
                self._find(target, depth, url, new, ruled_out)
        for start in range(0, max(len(new), len(ruled_out)), _URLS_AN_EVENT):
            part = slice(start, start + _URLS_AN_EVENT)
            self._discovered(url, depth - 1, new[part], ruled_out[part])

    def _find(
        self, target: str, depth: int, parent: str,
        new: list[NewUrl], ruled_out: list[RuledOutUrl],
    ) -> None:  # fmt: skip
        out = self._judge(target, depth)
        if out is None:
            self._add(target, depth=depth, parent=parent)
            new.append((target, depth, parent))
        else:
            self._recorder.fold.ruled_out.add(target)
            ruled_out.append((target, *out))

    def _discovered(self, url: str, depth: int, new: list[NewUrl], ruled_out: list[RuledOutUrl]) -> None:
        count = len(new) + len(ruled_out)
        self._recorder.emit_with_urls(
            e.UrlsDiscovered,
            new,
            note={"ruled_out": ruled_out} if ruled_out else {},
            source_url=url,
            depth=depth,
            discovered_urls=tuple(found for found, _, _ in new[:_SHOWN_URLS]),
            count=count,
            total_discovered=self._recorder.fold.totals.discovered + count,
            skipped=Counter(reason for _, reason, _ in ruled_out),
        )

    def _judge(self, url: str, depth: int) -> tuple[str, str] | None:
        """Why the URL is not to be fetched: reason and rule; None = it is."""
        out = self._scope.judge(url)
        if out is not None:
            return out
        kind = asset_kind(url)
        if kind is not None:
            return SkipReason.ASSET.value, kind
        forbidden = self._robots.judge(url)
        if forbidden:
            return SkipReason.ROBOTS.value, forbidden
        most = self._job.options.max_depth
        if most is not None and depth > most:
            return SkipReason.DEPTH.value, f"max_depth {most}"
        return None

    def _add(self, url: str, *, depth: int, parent: str | None) -> None:
        self._parents[url] = parent
        self._frontier.add(url, host=host_key(url), depth=depth)

    def _to_canonical(self, link: str) -> str | None:
        """Most links of a site repeat from page to page, so each is canonicalised once."""
        try:
            return self._canonical[link]
        except KeyError:
            target = self._canonical[link] = canonicalize(link)
            return target
