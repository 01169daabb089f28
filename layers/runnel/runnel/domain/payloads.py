"""What the functions say to each other: versioned payloads of the crawler, the processor and the orchestrator's events.

Laws:
1. Every payload carries `version` and `tenant`; an unknown version or field is refused.
2. The crawler's answer stays under `MAX_ANSWER_BYTES`: links are cut and `links_truncated` is said.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from runnel.domain.markdown_twins import MarkdownTwins
from runnel.domain.quality import LOW_QUALITY_BELOW
from runnel.domain.verdicts import AssetFacts, FetchError, RawRef

#: A synchronous Lambda answer may have 6 MB; we stop well before.
MAX_ANSWER_BYTES = 4 * 1024 * 1024
MAX_TARGETS = 5
#: Sitemap files that a crawl follows, and so many addresses of an index are worth telling.
MAX_SITEMAPS = 50


class _Payload(BaseModel):
    # A request's headers may hold a token: a refused payload must not print it.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ScopeRules(_Payload):
    """What belongs to a crawl; `domain/scope.py` judges by it."""

    start_urls: tuple[str, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    scope: Literal["subpages", "hostname", "domain"] = "subpages"
    allow_domains: tuple[str, ...] = ()


class CrawlTarget(_Payload):
    """One URL to fetch; the validators make the request conditional."""

    url: str
    etag: str | None = None
    last_modified: str | None = None
    #: The URL that the validators came from, if it is another one; a redirect may lead there.
    known_url: str | None = None
    #: SHA-256 of the body as it was: an answer from here or from `known_url` that has it is `not_modified`.
    body_hash: str | None = None


class RobotsText(_Payload):
    """What is known of a host's robots.txt, for judging redirects: the answer's status (None: no answer) and text."""

    host: str
    status: int | None
    text: str = ""


class CrawlRequest(_Payload):
    """Fetch these URLs of one host. `pages` stores bodies and reads links; `text` answers them (robots.txt).

    `sitemap` answers, as links, the addresses that a sitemap lists. `head` asks for type and size, and reads no body.
    """

    version: Literal[1] = 1
    tenant: str
    job_id: str
    purpose: Literal["pages", "text", "sitemap", "head"] = "pages"
    targets: tuple[CrawlTarget, ...] = Field(min_length=1, max_length=MAX_TARGETS)
    #: Name of the raw object, `<term>-<n>`: below `raw/<job>/`.
    raw_name: str
    #: What judges redirects; None: only the address guard does.
    scope: ScopeRules | None = None
    ignore_query: tuple[str, ...] = ()
    robots: tuple[RobotsText, ...] = ()
    obey_robots: bool = True
    #: Do not go where a Content-Signal refuses what is made of pages.
    obey_signals: bool = False
    user_agent: str
    headers: dict[str, str] = Field(default_factory=dict)
    #: Seconds that one fetch may take in all.
    deadline_s: float = Field(default=30.0, gt=0)
    #: Ports that may be asked besides 80, 443, 8080 and 8443: the start URLs' own.
    ports: tuple[int, ...] = ()
    #: Links reported per page, at most.
    max_links: int = 10_000
    #: Whether responses are stored; a dry run wants their facts only.
    keep: bool = True
    #: Whether the site's own Markdown of a page is asked for beside the page.
    markdown_twins: MarkdownTwins = "off"


class MarkdownTwin(_Payload):
    """A page's own Markdown as the site offers it: its address, and where the answer lies."""

    url: str
    raw: RawRef
    charset: str | None = None


class FetchedPage(_Payload):
    """A response that was stored: what the driver needs to go on."""

    final_url: str
    status: int
    content_type: str
    charset: str | None
    #: None when nothing was stored (purposes `text` and `sitemap`).
    raw: RawRef | None
    body_hash: str
    content_length: int
    title: str = ""
    links: tuple[str, ...] = ()
    links_truncated: bool = False
    #: Links that stand on the page with `rel=nofollow` only.
    nofollow_links: tuple[str, ...] = ()
    #: For purpose `sitemap` only: when each of the links was changed last, RFC 3339 in UTC, as far as that is told.
    lastmods: tuple[str | None, ...] = ()
    #: Further sitemap files, for purpose `sitemap` only.
    sitemaps: tuple[str, ...] = ()
    nofollow: bool = False
    noindex: bool = False
    #: At least one of the two is said by the header X-Robots-Tag, not by the page.
    robots_tag: bool = False
    canonical: str | None = None
    is_empty: bool = False
    #: It is empty because a browser's JavaScript is to build it.
    is_shell: bool = False
    words: int = 0
    quality_score: int = 100
    quality_reason: str = ""
    #: Names the text of the main part, whatever stands around it; empty when the body says as much.
    text_hash: str = ""
    etag: str | None = None
    last_modified: str | None = None
    #: RFC 3339, UTC.
    fetched_at: str
    #: None: the site offers none, or it was not asked for.
    twin: MarkdownTwin | None = None
    #: The decoded body, for purpose `text` only.
    text: str | None = None


class CrawlResult(_Payload):
    """What became of one URL."""

    url: str
    outcome: Literal["fetched", "not_modified", "failed", "skipped", "not_started"]
    page: FetchedPage | None = None
    #: For `not_modified`: where the redirects ended.
    final_url: str | None = None
    error: FetchError | None = None
    #: HTTP status of the last answer, if there was one.
    status: int | None = None
    #: For `skipped`: a redirect led where robots.txt or the scope forbids; the reason and its rule.
    reason: str | None = None
    rule: str | None = None
    #: Seconds that the site asked us to wait (Retry-After).
    retry_after_s: float | None = None
    #: The page came, but the request for its Markdown twin was refused (429, 503), for so many seconds.
    refused_s: float | None = None
    #: Of a file that is no page, as far as its server tells.
    facts: AssetFacts | None = None
    elapsed_ms: int = 0


class CrawlResponse(_Payload):
    """One result for each target, in the order asked; and what the call cost."""

    version: Literal[1] = 1
    results: tuple[CrawlResult, ...]
    #: Objects written, for the cost of the job.
    puts: int = 0


class ProcessPage(_Payload):
    """A stored response to turn into a page; `index` is its place in the batch."""

    index: int
    url: str
    final_url: str
    raw: RawRef
    content_type: str
    charset: str | None
    body_hash: str
    etag: str | None = None
    last_modified: str | None = None
    fetched_at: str
    #: The source of the library that the page was found from.
    source_id: str = "main"
    twin: MarkdownTwin | None = None


class SiteMarks(_Payload):
    """What a site repeats: fingerprints of blocks, and parts of titles, each sorted."""

    blocks: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()


NO_MARKS = SiteMarks()


class SamplePage(_Payload):
    """A stored response that a site's profile is learned from."""

    raw: RawRef
    charset: str | None = None
    body_hash: str


class Profile(_Payload):
    """How a source's pages are to be read: with these marks, or with what this sample teaches."""

    marks: SiteMarks | None = None
    sample: tuple[SamplePage, ...] = ()


class ProcessRequest(_Payload):
    """Turn these pages of a batch into Markdown. `part` names this invocation's result object."""

    version: Literal[1] = 1
    tenant: str
    job_id: str
    library_id: str
    batch_id: str
    part: str
    #: Pages in the whole batch; a retry sends one of them alone.
    batch_pages: int
    pages: tuple[ProcessPage, ...]
    metadata: dict[str, str] = Field(default_factory=dict)
    #: By source; a source without one is read page by page.
    profiles: dict[str, Profile] = Field(default_factory=dict)
    #: A page whose score is less is told and left out of the library.
    low_quality_below: int = LOW_QUALITY_BELOW
    dry_run: bool = False


class Heading(_Payload):
    """One heading of a page."""

    level: int
    text: str
    anchor: str


class Hidden(_Payload):
    """One piece of text that a page hid from its readers: how it was hidden, and its beginning."""

    kind: str
    excerpt: str


class PageDetails(_Payload):
    """What a manifest only points to: links and headings, and where the response lies that the page was made from."""

    headings: tuple[Heading, ...] = ()
    links: tuple[str, ...] = ()
    raw: RawRef | None = None
    content_type: str = "text/html"
    charset: str | None = None
    #: What the page hid from its readers and is not in its Markdown: beginnings, at most 23.
    hidden: tuple[Hidden, ...] = ()
    #: The site's own Markdown, where the page's text was taken from it.
    twin: MarkdownTwin | None = None


class StoredPage(PageDetails):
    """One page of a library as the manifest lists it; the Markdown lies in `pages/<content_hash>.md.gz`.

    What `PageDetails` has is empty in a manifest: it is read from the object that `details` names.
    """

    page_id: str
    #: The URL that the library shows: after redirects.
    url: str
    #: Other URLs under which it was found, in order.
    aliases: tuple[str, ...] = ()
    source_id: str = "main"
    title: str
    description: str = ""
    lang: str = ""
    words: int
    chunks: int = 0
    content_hash: str
    body_hash: str
    quality_score: int = 100
    quality_reason: str = ""
    low_quality: bool = False
    #: How many pieces `hidden` has: who reports them need load the details of such pages only.
    hidden_pieces: int = 0
    #: "wide" when more was taken than the page marks as its main part, which would have lost text.
    extraction: Literal["", "wide"] = ""
    #: When it was changed last, RFC 3339 in UTC or a date: as the page says, else as its Last-Modified header does.
    modified: str = ""
    #: Of what it documents, when it states one.
    version: str = ""
    #: The way to it from the site's start, as the page tells it.
    breadcrumbs: tuple[str, ...] = ()
    etag: str | None = None
    last_modified: str | None = None
    fetched_at: str
    canonical: str | None = None
    #: The page asks robots to follow none of its links.
    nofollow: bool = False
    #: The address whose Markdown this is, where the site offers it; "" when it was made from the page's HTML.
    twin_url: str = ""
    metadata: dict[str, str] = Field(default_factory=dict)
    #: The result object (its key, and the line in it) that holds the rest of the page.
    details: tuple[str, int] | None = None


class PageOutcome(_Payload):
    """What became of one page of a batch: the stored page, or the reason there is none."""

    index: int
    url: str
    page: StoredPage | None = None
    error: FetchError | None = None


class ProcessResult(_Payload):
    """The result object of one processor invocation."""

    version: Literal[1] = 1
    batch_id: str
    part: str
    outcomes: tuple[PageOutcome, ...]
    puts: int = 0


class CrawlEvent(_Payload):
    """The scheduler asks for a crawl; the same `execution_id` twice starts one job."""

    type: Literal["crawl"]
    tenant: str | None = None
    execution_id: str
    url: str | None = None
    urls: tuple[str, ...] = ()
    library: str | None = None
    options: dict[str, object] = Field(default_factory=dict)


class ResumeEvent(_Payload):
    """Drive this job."""

    type: Literal["resume"]
    tenant: str
    job_id: str
    hop: int = 0


class SweepEvent(_Payload):
    """Look for jobs without a driver."""

    type: Literal["sweep"]


OrchestratorEvent = Annotated[CrawlEvent | ResumeEvent | SweepEvent, Field(discriminator="type")]
