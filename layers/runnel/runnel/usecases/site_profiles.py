"""What a site repeats on its pages: learned once from a fixed sample, and used for all pages of its source.

Laws (tests/unit/usecases/test_site_profiles.py):

1. The sample is the start page and the first 20 links on it that are to be fetched, in document order. A source's pages
   are processed when each of them has its verdict, or its site has failed to give it once; those that failed are no
   part of it: a page that hangs holds the others up for one fetch, not for all its tries. What the sample was stands in
   the log with the source's first batch: no later driver sees another.
2. The profile is a function of the sample's stored responses: whoever needs it first learns it and stores it, and
   whoever does so again stores the same bytes. No order of answers, no kill and no replay changes a byte of a page.
3. A job that goes on from a generation (an incremental crawl, a retry, a replay) reads with its profiles. One that
   processes what another has downloaded takes the sample that one crawl of both steps would have taken.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Protocol

from runnel.domain.fold import Crawled, JobFold
from runnel.domain.jobs import DEFAULT_SOURCE, Job
from runnel.domain.payloads import NO_MARKS, Profile, SamplePage, SiteMarks
from runnel.domain.verdicts import RawRef
from runnel.domain.warc import body_of
from runnel.errors import ManifestDamaged, PageUnreadable
from runnel.fetching.canonical import Spelling
from runnel.ports.content_store import ContentStore, RawStore
from runnel.ports.page_reader import PageReader
from runnel.usecases.manifests import profiles_of, read_head
from runnel.usecases.patience import sure
from runnel.usecases.services import Services

if TYPE_CHECKING:  # the parser's package is for readers
    from runnel.extraction.learning import PageMarks

#: Links of a start page that belong to its sample, and pages of a sample in all.
SAMPLE_LINKS: Final = 20
SAMPLE_PAGES: Final = SAMPLE_LINKS + 1
#: A page that is larger is no part of a sample: it would cost more than all the others.
LARGEST_BYTES: Final = 2_000_000
#: Profiles that one process remembers.
_REMEMBERED: Final = 100


# ---- the driver's side


class SourceProfiles:
    """When the pages of each source may be processed, and with which profile."""

    def __init__(self, services: Services, job: Job, fold: JobFold) -> None:
        """Follow *fold*, the log of *job*."""
        self._fold = fold
        spelling = Spelling(ignored=job.options.ignore_query, tracking=services.tuning.tracking_parameters)
        self._starts = {one.source_id: spelling.of(one.url) or one.url for one in job.sources}
        #: What the generation has that the crawl goes on from; None when it begins anew.
        self.known: Mapping[str, SiteMarks] | None = None

    def is_settled(self, source_id: str) -> bool:
        """Whether the sample of a source is complete, as far as it will be."""
        if self._is_known(source_id) or source_id in self._fold.samples or source_id not in self._starts:
            return True
        start = self._starts[source_id]
        wanted = (start, *self._fold.first_links.get(start, ()))
        return all(url in self._fold.decided or url in self._fold.faltered for url in wanted)

    def compose(self, urls: Iterable[str]) -> dict[str, list[str]]:
        """The samples of those sources of *urls* that have none yet, for the log."""
        sources = {source_of(self._fold.crawled[url]) for url in urls}
        missing = [one for one in sorted(sources) if one in self._starts and one not in self._fold.samples]
        return {source_id: self._choose(source_id) for source_id in missing if not self._is_known(source_id)}

    def of_sources(self, source_ids: Iterable[str]) -> dict[str, Profile]:
        """What a processor needs to read pages of these sources."""
        return {one: found for one in sorted(set(source_ids)) if (found := self._profile(one)) is not None}

    def _is_known(self, source_id: str) -> bool:
        return self.known is not None and source_id in self.known

    def _profile(self, source_id: str) -> Profile | None:
        if self.known is not None and source_id in self.known:
            marks = self.known[source_id]
            return Profile(marks=marks) if marks != NO_MARKS else None
        return sample_of(self._fold, source_id)

    def _choose(self, source_id: str) -> list[str]:
        start = self._starts[source_id]
        found: dict[str, str] = {}
        for url in (start, *self._fold.first_links.get(start, ())):
            if url in self._fold.faltered:
                continue  # whether another try came in time is no property of the site
            crawled = self._fold.crawled.get(url)
            if crawled is not None and _may_teach(crawled):
                found.setdefault(crawled.body_hash, url)
        return list(found.values())[:SAMPLE_PAGES]


def source_of(crawled: Crawled) -> str:
    """The source that a crawled page belongs to."""
    source_id: str = crawled.note.get("source", DEFAULT_SOURCE)
    return source_id


def sample_of(fold: JobFold, source_id: str) -> Profile | None:
    """The sample of a source as the log tells it; None when it is too small to teach anything."""
    crawled = [fold.crawled[url] for url in fold.samples.get(source_id, ()) if url in fold.crawled]
    return Profile(sample=tuple(map(_sample_page, crawled))) if crawled else None


def _may_teach(crawled: Crawled) -> bool:
    note = crawled.note
    return "raw" in note and note.get("type", "text/html") in ("text/html", "application/xhtml+xml")


def _sample_page(crawled: Crawled) -> SamplePage:
    key, offset, length = crawled.note["raw"]
    return SamplePage(
        raw=RawRef(key=key, offset=offset, length_bytes=length),
        charset=crawled.note.get("charset"),
        body_hash=crawled.body_hash,
    )


async def recall_profiles(services: Services, job: Job, fold: JobFold) -> dict[str, SiteMarks] | None:
    """The profiles of the generation that a crawl goes on from; None when it begins anew."""
    path = fold.base
    if job.retry_of is not None:
        library = await sure(services, lambda: services.libraries.get(job.tenant, job.library_id))
        path = library.pointer.path if library is not None else None
    if not path:
        return None
    none = {source.source_id: NO_MARKS for source in job.sources}
    try:
        return profiles_of(await read_head(services, job.tenant, path)) or none
    except ManifestDamaged:
        return none


async def stored_profiles(services: Services, job: Job, fold: JobFold) -> dict[str, SiteMarks]:
    """The profiles that the pages of a job were read with, for the generation that it publishes."""
    found = {}
    for source_id in fold.samples:
        get = partial(services.content.get, job.tenant, profile_key(job.job_id, source_id))
        found[source_id] = _decode(await sure(services, get)) or NO_MARKS
    return found


# ---- the processor's side


class LearnerPorts(Protocol):
    """What learning may touch."""

    @property
    def content(self) -> ContentStore:
        """Where profiles lie."""
        ...

    @property
    def raw(self) -> RawStore:
        """Where responses lie."""
        ...

    @property
    def reader(self) -> PageReader:
        """Who reads them."""
        ...


@dataclass(slots=True)
class ProfileMemory:
    """The profiles that this process has met; each is learned by one of its tasks."""

    marks: dict[str, SiteMarks] = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


async def find_marks(
    ports: LearnerPorts, memory: ProfileMemory, *, tenant: str, job_id: str, source_id: str, profile: Profile | None
) -> SiteMarks:
    """What the site of a source repeats: as it was given, as it was stored, else learned and stored now."""
    if profile is None:
        return NO_MARKS
    if profile.marks is not None:
        return profile.marks
    key = profile_key(job_id, source_id)
    name = f"{tenant}/{key}"
    async with memory.turn:
        if name not in memory.marks:
            while len(memory.marks) >= _REMEMBERED:
                del memory.marks[next(iter(memory.marks))]
            memory.marks[name] = await _recall_or_learn(ports, tenant, key, profile.sample)
        return memory.marks[name]


async def _recall_or_learn(ports: LearnerPorts, tenant: str, key: str, sample: tuple[SamplePage, ...]) -> SiteMarks:
    known = _decode(await ports.content.get(tenant, key))
    if known is not None:
        return known
    marks = await _learn(ports, tenant, sample)
    await ports.content.put(tenant, key, marks.model_dump_json().encode())
    return marks


async def _learn(ports: LearnerPorts, tenant: str, sample: tuple[SamplePage, ...]) -> SiteMarks:
    from runnel.extraction.learning import LEAST_PAGES, ask_for, learn_blocks
    from runnel.extraction.titles import learn_titles

    found = await asyncio.gather(*(_look_at(ports, tenant, page) for page in sample))
    read = [(page, body, marks) for page, (body, marks) in zip(sample, found, strict=True) if marks is not None]
    if len(read) < LEAST_PAGES:
        return NO_MARKS
    asked = ask_for([marks for _, _, marks in read])
    present = [
        await ports.reader.find_present(body, charset=page.charset, asked=tuple(sorted(asked)))
        for page, body, _ in (read if asked else ())
    ]
    titles = learn_titles(marks.title for _, _, marks in read)
    return SiteMarks(blocks=learn_blocks(asked, present), titles=tuple(sorted(titles)))


async def _look_at(ports: LearnerPorts, tenant: str, page: SamplePage) -> "tuple[bytes, PageMarks | None]":
    """The body of a page and what it tells; nothing of one that has gone, is damaged, or cannot be read."""
    record = await ports.raw.get(tenant, page.raw)
    body = body_of(record) if record is not None and page.raw.length_bytes <= LARGEST_BYTES else b""
    if sha256(body).hexdigest() != page.body_hash:
        return b"", None
    try:
        return body, await ports.reader.read_marks(body, charset=page.charset)
    except PageUnreadable:
        return b"", None


def profile_key(job_id: str, source_id: str) -> str:
    """Where the profile of a source of a job lies: among the job's results, which live as long as their pages."""
    return f"batches/{job_id}/profile/{sha256(source_id.encode()).hexdigest()[:32]}.json"


def _decode(body: bytes | None) -> SiteMarks | None:
    try:
        return SiteMarks.model_validate(json.loads(body)) if body else None
    except ValueError:
        return None
