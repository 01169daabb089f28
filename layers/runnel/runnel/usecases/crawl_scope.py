"""What belongs to one job's crawl, and to which of its sources.

Laws (tests/unit/usecases/test_moved_starts.py):

1. The options and start URLs of the job decide, and nothing that was fetched, but for one thing: where a start URL has
   moved to on its own site (`/docs/` → `/en/docs/`, ADR 0034), the crawl goes too.
2. A move stands in the log before anything that follows from it, so every driver of the job judges alike.
"""

from collections.abc import Iterable, Mapping

from runnel.domain.jobs import Job, Source
from runnel.domain.payloads import ScopeRules
from runnel.domain.scope import Ruling, Scope, Territories, has_moved
from runnel.domain.verdicts import SkipReason
from runnel.fetching.canonical import Spelling


class CrawlScope:
    """The scope of a job, with the start URLs that have moved."""

    def __init__(self, job: Job, spelling: Spelling) -> None:
        """Judge by the options and the sources of *job*, in one *spelling*."""
        self._spelling = spelling
        #: Start URL → its source; of two the first.
        self.starts = {self.start_of(source): source.source_id for source in reversed(job.sources)}
        self._moved: dict[str, str] = {}
        self.rules = ScopeRules(
            start_urls=tuple(self.start_of(source) for source in job.sources),
            include=job.options.include,
            exclude=job.options.exclude,
            scope=job.options.scope,
            allow_domains=job.options.allow_domains,
        )
        self._owned = [(source.source_id, self.start_of(source)) for source in job.sources]
        self._prepare()

    def _prepare(self) -> None:
        self._scope = Scope.of(self.rules)
        self._territories = Territories(self._owned)

    def start_of(self, source: Source) -> str:
        """The start URL in the job's spelling."""
        return self._spelling.of(source.url) or source.url

    def judge(self, url: str) -> Ruling | None:
        """Why the canonical *url* does not belong to the crawl; None when it does."""
        return self._scope.judge(url)

    def owner(self, url: str) -> str | None:
        """The source that the URL is the start of, or whose directory holds it; None when it is on no source's host."""
        return self.starts.get(url) or self._territories.owner(url)

    def is_moving(self, start: str, arrived: str) -> bool:
        """Whether a start URL that came from *arrived* takes the crawl to where it has not been."""
        return (
            start not in self._moved
            and self.rules.scope == "subpages"
            and self._is_beyond(arrived)
            and has_moved(start, arrived)
        )

    def move(self, moved: Mapping[str, str]) -> None:
        """Take in where start URLs have moved to."""
        for start, arrived in moved.items():
            self._moved[start] = arrived
            self._owned.append((self.starts[start], arrived))
            self.rules = self.rules.model_copy(update={"start_urls": (*self.rules.start_urls, arrived)})
        self._prepare()

    def gained(self, ruled_out: Iterable[str], before: "Scope") -> list[str]:
        """Those of the URLs that were ruled out which the scope *before* a move kept out and this one does not."""
        return sorted(url for url in ruled_out if not self.judge(url) and before.judge(url))

    @property
    def now(self) -> Scope:
        """The scope as it stands."""
        return self._scope

    def _is_beyond(self, url: str) -> bool:
        ruling = self.judge(url)
        return ruling is not None and ruling.reason is SkipReason.OUT_OF_SCOPE
