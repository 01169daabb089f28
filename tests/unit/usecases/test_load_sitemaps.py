"""Sitemaps in a whole job: what is asked for, what it brings, and that nothing depends on when it came."""

import re
from typing import Any

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import EndedBecause, Job, JobState
from runnel.domain.verdicts import ErrorCategory, Verdict
from runnel.usecases import load_sitemaps
from runnel.usecases.control_job import pause_job, resume_job
from runnel.usecases.known_pages import KnownPages, load_known
from runnel.usecases.list_urls import list_urls
from runnel.usecases.run_crawl import Drive
from runnel.usecases.services import Tuning
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

_SITE = {
    "/": ScriptedPage(text="home", links=("/a", "/b")),
    "/a": ScriptedPage(text="A", links=("/deep",)),
    "/b": ScriptedPage(text="B"),
    "/deep": ScriptedPage(text="D"),
    "/hidden": ScriptedPage(text="H", links=("/behind",)),
    "/behind": ScriptedPage(text="behind"),
}
_HOST = "docs.example.com"
_GUESS = f"https://{_HOST}/sitemap.xml"


def _urlset(*paths: str) -> str:
    return "<urlset>" + "".join(f"<url><loc>{path}</loc></url>" for path in paths) + "</urlset>"


def _index(*urls: str) -> str:
    return "<sitemapindex>" + "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls) + "</sitemapindex>"


def _named(*urls: str, rules: str = "") -> tuple[int, str]:
    return 200, "\n".join(["User-agent: *", rules, *(f"Sitemap: {url}" for url in urls)])


def _home(*, robots: Any = None, tuning: Any = None, **files: Any) -> ScriptedHome:
    """The site above, with the sitemaps given by name (`sitemap` is `/sitemap.xml`)."""
    home = ScriptedHome(_SITE, tuning=tuning)
    home.sitemaps.files = {f"https://{_HOST}/{name}.xml": body for name, body in files.items()}
    if robots is not None:
        home.robots[_HOST] = robots
    return home


def _at(*names: str) -> list[str]:
    return [f"https://{_HOST}/{name}.xml" for name in names]


async def _verdicts(home: ScriptedHome, job: Job) -> dict[str, Any]:
    return {home.path_of(record.url): record for record in await list_urls(home.outside.services, job)}


async def _check_counts(home: ScriptedHome, job: Job) -> None:
    """Event, META and the URL list tell one story."""
    end, records = home.log(job)[-1], await list_urls(home.outside.services, job)
    counts: Any = getattr(end, "counts")  # noqa: B009  # every end has them
    assert counts.seen == len(records) == sum(getattr(counts, verdict.value) for verdict in Verdict)
    told = sum(event.count for event in home.of_type(job, e.SourceStarted, e.UrlsDiscovered))
    assert told == counts.seen


async def test_a_page_that_no_link_leads_to_is_found() -> None:
    """The default promises it; what the sitemap's pages link to is found as well."""
    home = _home(sitemap=_urlset("/hidden", "/a", "https://elsewhere.example/x", "/hidden", "not a page.pdf"))
    job = await home.crawl()
    verdicts = await _verdicts(home, job)
    told = [event for event in home.of_type(job, e.UrlsDiscovered) if event.source_url == _GUESS]

    assert set(await home.library(job)) == set(_SITE)
    assert (verdicts["/hidden"].parent, verdicts["/hidden"].depth) == (_GUESS, 1)
    assert verdicts["/behind"].depth == 2
    assert (verdicts["https://elsewhere.example/x"].reason, verdicts["/not%20a%20page.pdf"].reason) == (
        "out_of_scope",
        "asset",
    )
    assert [(event.url, event.urls, event.skipped) for event in home.of_type(job, e.SitemapLoaded)] == [(_GUESS, 4, 2)]
    assert len(told) == 1
    assert told[0].skipped == {"out_of_scope": 1, "asset": 1}
    await _check_counts(home, job)


async def test_skip_asks_for_none() -> None:
    """Not even for the file that may be there."""
    home = _home(robots=_named(*_at("a")), sitemap=_urlset("/hidden"), a=_urlset("/hidden"))
    job = await home.crawl(sitemap="skip")

    assert home.sitemaps.requests == []
    assert "/hidden" not in await home.library(job)


async def test_only_follows_no_links_of_pages() -> None:
    """The start page, and what the sitemap lists."""
    home = _home(sitemap=_urlset("/hidden", "/b"))
    job = await home.crawl(sitemap="only")

    assert set(await home.library(job)) == {"/", "/hidden", "/b"}
    await _check_counts(home, job)


async def test_only_without_a_sitemap_says_so() -> None:
    """One page instead of a site is a surprise that needs a reason."""
    home = _home()
    job = await home.crawl(sitemap="only")

    assert job.state is JobState.COMPLETED
    assert "There is no sitemap at" in home.of_type(job, e.Log)[0].message


async def test_a_guess_that_is_wrong_is_silent() -> None:
    """Most sites have none: that is no news."""
    for found in (ErrorCategory.HTTP_4XX, ErrorCategory.HTTP_5XX, "<html><p>No such page</p></html>"):
        home = _home(sitemap=found)
        job = await home.crawl()

        assert job.ending is not None
        assert job.ending.ok
        assert home.sitemaps.requests == [_GUESS]
        assert home.of_type(job, e.Log, e.SitemapLoaded) == []


async def test_a_named_sitemap_that_fails_is_a_warning_and_the_others_are_read() -> None:
    """Robots names several: all are read, the guess is not; a fault that may pass is given three tries."""
    elsewhere = ("/relative.xml", "ftp://docs.example.com/x", "https://other.test/y")
    home = _home(
        robots=_named(*_at("gone", "down", "good"), *elsewhere),
        gone=ErrorCategory.HTTP_4XX,
        down=ErrorCategory.HTTP_5XX,
        good=_urlset("/hidden"),
        relative=_urlset("/behind"),
        sitemap=_urlset("/never"),
    )
    job = await home.crawl()
    logs = home.of_type(job, e.Log)

    assert job.ending is not None
    assert job.ending.ok
    assert home.sitemaps.requests == _at("gone", "down", "down", "down", "good", "relative")
    assert [(log.level, re.split(" could| is not", log.message)[0]) for log in logs] == [
        ("warning", f"The sitemap {url}") for url in ("https://other.test/y", *_at("gone", "down"))
    ]
    assert "on another domain than example.com" in logs[0].message
    assert set(await home.library(job)) == set(_SITE)


async def test_files_that_are_too_many_or_too_deep_are_said_once() -> None:
    """Pages that only they list are missing: nobody may have to guess why."""
    many, deep = _home(sitemap=_index(*_at(*(f"s{number}" for number in range(60))))), _home()
    deep.sitemaps.files = {
        _at(name)[0]: _index(*_at(f"{name}a", f"{name}b")) for name in ("sitemap", "sitemapa", "sitemapaa")
    }
    logs = [home.of_type(await home.crawl(), e.Log) for home in (many, deep)]
    left_out = [[log.message for log in some if "is not read" in log.message] for some in logs]

    assert left_out == [
        [f"The sitemap {_at('s49')[0]} is not read, nor are others like it: it is one too many: 50 are read."],
        [f"The sitemap {_at('sitemapaaa')[0]} is not read, nor are others like it: it lies more than 2 indexes deep."],
    ]


async def test_a_site_that_shares_its_host_has_its_sitemap_in_its_directory() -> None:
    """Project pages (`user.github.io/project/`); asked for only where the host has none and nobody names one."""
    pages = {f"/p{path}": page for path, page in _SITE.items()}
    home, named, rooted = ScriptedHome(pages), ScriptedHome(pages), ScriptedHome(pages)
    for one in (home, named, rooted):
        one.sitemaps.files = {f"https://{_HOST}/p/sitemap.xml": _urlset("/p/hidden")}
    named.robots[_HOST] = _named(f"https://{_HOST}/other.xml")
    rooted.sitemaps.files[_GUESS] = _urlset("/p/behind")
    found = []
    for one in (home, named, rooted):
        job = await one.create("/p/")
        await one.finish(one.drive(one.process("D1"), job))
        found.append("/p/hidden" in await one.library(job))

    assert found == [True, False, False]
    assert home.sitemaps.requests == [_GUESS, f"https://{_HOST}/p/sitemap.xml"]
    assert rooted.sitemaps.requests == [_GUESS]
    assert home.sitemaps.llms_requests == []


async def test_all_sitemaps_together_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty files of fifty thousand addresses are more than a frontier holds; what is left out is said."""
    monkeypatch.setattr(load_sitemaps, "MAX_LISTED", 1_500)
    names = ("one", "two", "three")
    home = _home(
        robots=_named(*_at(*names)),
        **{name: _urlset(*(f"/{name}/{number}.png" for number in range(1_000))) for name in names},
    )
    job = await home.crawl()

    assert home.sitemaps.requests == _at("one", "two")
    assert len([url for url in await _verdicts(home, job) if url.endswith(".png")]) == 1_500
    assert [event.message for event in home.of_type(job, e.Log) if event.level == "warning"] == [
        "The sitemaps list more than 1500 addresses; the others are left out."
    ]
    await _check_counts(home, job)


async def test_what_the_sitemap_says_has_changed_is_asked_for_whole() -> None:
    """Validators of a stale cache would hide it; where it says nothing new they are sent."""
    home = _home(sitemap=_urlset("/a"))
    home.pages = {"/": ScriptedPage(text="home", links=("/a", "/b")), "/a": ScriptedPage(text="A"), "/b": _SITE["/b"]}
    first = await home.crawl()
    when = {path: page.fetched_at for path, page in (await home.library(first)).items()}
    known = await load_known(home.outside.services, TENANT, home.state.libraries[TENANT, first.library_id].pointer.path)
    page = known.page_of(home.url("/a"))
    assert page is not None
    known = KnownPages(
        home.outside.services, TENANT, {page.url: page.model_copy(update={"etag": '"1"', "last_modified": "then"})}
    )

    assert known.target(page.url).etag == known.target(page.url, changed_at=when["/a"]).etag == '"1"'
    later = known.target(page.url, changed_at="2030-01-01T00:00:00Z")
    assert (later.etag, later.last_modified, later.body_hash) == (None, None, page.body_hash)


async def test_an_index_is_followed_two_levels_deep_and_no_file_is_read_twice() -> None:
    """Indexes that name each other, or go down for ever, must come to an end."""
    home = _home(
        sitemap=_index(*_at("one", "two", "sitemap")),
        one=_urlset("/hidden"),
        two=_index(*_at("one", "three")),
        three=_index(*_at("four")),
        four=_urlset("/never"),
    )
    job = await home.crawl()

    assert home.sitemaps.requests == _at("sitemap", "one", "two", "three")
    assert "/hidden" in await home.library(job)


async def test_fifty_files_are_read_and_no_more() -> None:
    """An index may name fifty thousand."""
    names = [f"part{number}" for number in range(80)]
    home = _home(sitemap=_index(*_at(*names)), **{name: _urlset("/a") for name in names})
    await home.crawl()

    assert home.sitemaps.requests == _at("sitemap", *names[:49])


async def test_what_robots_forbids_is_not_asked_for() -> None:
    """Also not when the same robots.txt names it."""
    home = _home(robots=_named(*_at("x"), rules="Disallow: /x.xml"), x=_urlset("/hidden"))
    job = await home.crawl()

    assert home.sitemaps.requests == []
    assert "Disallow: /x.xml" in home.of_type(job, e.Log)[0].message


async def test_a_sitemap_on_another_host_of_the_domain_waits_for_that_hosts_rules() -> None:
    """No host is asked for anything before its robots.txt is known."""
    there = "https://www.example.com/map.xml"
    home = _home(robots=_named(there))
    home.sitemaps.files[there] = _urlset(home.url("/hidden"))
    home.robots["www.example.com"] = (200, "User-agent: *\nDisallow: /map.xml\n")
    await home.crawl()
    allowed = _home(robots=_named(there))
    allowed.sitemaps.files[there] = _urlset(home.url("/hidden"))
    job = await allowed.crawl()

    assert home.sitemaps.requests == []
    assert allowed.sitemaps.requests == [there]
    assert "/hidden" in await allowed.library(job)
    assert "www.example.com:443" in {event.host for event in allowed.of_type(job, e.RobotsLoaded)}


async def test_the_first_page_does_not_wait_for_a_sitemap_but_the_end_does() -> None:
    """A slow sitemap costs nothing at the beginning, and no page in the end."""
    home = _home(sitemap=_urlset("/hidden"))
    held = home.sitemaps.held[_GUESS] = home.hold("sitemap")
    job = await home.create()
    task = home.drive(home.process("D1"), job)
    await home.clock.advance(10)
    assert {home.path_of(event.url) for event in home.of_type(job, e.UrlCrawled)} == {"/", "/a", "/b", "/deep"}
    assert not task.done()
    held.set()
    await home.finish(task)

    assert set(await home.library(job)) == set(_SITE)


async def test_with_one_place_the_page_comes_first_and_the_sitemap_second() -> None:
    """The sitemap takes a place like any request: the concurrency is the site's protection."""
    home = _home(sitemap=_urlset("/hidden"))
    order: list[int] = []
    home.on_fetch = lambda _path: order.append(len(home.sitemaps.requests))
    await home.crawl(concurrency=1)

    assert order == [0, 1, 1, 1, 1, 1]


async def test_a_sitemap_on_the_way_keeps_its_place() -> None:
    """While it hangs, a crawl of one request at a time makes no other."""
    home = _home(sitemap=_urlset("/hidden"))
    held = home.sitemaps.held[_GUESS] = home.hold("sitemap")
    job = await home.create(concurrency=1)
    task = home.drive(home.process("D1"), job)
    await home.clock.advance(10)
    assert home.fetched == ["/"]
    held.set()
    await home.finish(task)

    assert set(await home.library(job)) == set(_SITE)


async def test_a_job_that_has_enough_waits_for_no_sitemap() -> None:
    """The limit is reached: whatever the file would say, it changes nothing."""
    home = _home(sitemap=_urlset("/hidden"))
    home.sitemaps.held[_GUESS] = home.hold("sitemap")
    job = await home.crawl(limit=2)

    assert job.ending is not None
    assert (job.ending.ended_because, job.ending.counts.fetched) == (EndedBecause.LIMIT, 2)
    await _check_counts(home, job)


async def test_a_paused_job_reads_the_rest_when_it_goes_on() -> None:
    """A file that was on the way is asked for again, one that was told is not."""
    home = _home(robots=_named(*_at("one", "two")), one=_urlset("/b"), two=_urlset("/hidden"))
    held = home.sitemaps.held[_at("two")[0]] = home.hold("sitemap")
    job = await home.create()
    task = home.drive(home.process("D1"), job)
    await home.clock.advance(5)
    await pause_job(home.outside.services, TENANT, job.job_id)
    assert await home.finish(task) is Drive.PAUSED
    held.set()
    await resume_job(home.outside.services, TENANT, job.job_id)
    await home.finish(home.drive(home.process("D2"), job))

    assert home.sitemaps.requests == _at("one", "two", "two")
    assert set(await home.library(job)) == set(_SITE)
    await _check_counts(home, home.meta(job))


async def test_a_long_sitemap_is_taken_whole_and_counted_exactly() -> None:
    """In portions, across events and segments."""
    home = _home(sitemap=_urlset(*(f"/p/{number}" for number in range(1_700)), *(f"/{n}.png" for n in range(900))))
    start = home.hold("/")
    job = await home.create(limit=1)
    task = home.drive(home.process("D1"), job)
    await home.clock.advance(2)
    start.set()
    await home.finish(task)
    loaded = home.of_type(job, e.SitemapLoaded)[0]

    assert (loaded.urls, loaded.skipped) == (2_600, 900)
    assert len(home.of_type(job, e.UrlsDiscovered)) >= 2_600 / 250
    await _check_counts(home, home.meta(job))


async def test_a_driver_killed_at_any_moment_changes_nothing_in_the_end() -> None:
    """Half a sitemap told, an index told and its files not: the next driver reads what is missing."""

    def site() -> ScriptedHome:
        return _home(
            tuning=Tuning(asset_sizes=0),  # they have tests of their own
            robots=_named(*_at("index", "gone")),
            index=_index(*_at("one", "two")),
            one=_urlset("/hidden", "/private/x.pdf", *(f"/x/{number}.png" for number in range(300))),
            two=_urlset("/deep"),
        )

    whole = site()
    job = await whole.create()
    process = whole.process("D1")
    await whole.finish(whole.drive(process, job))
    wanted = whole.meta(job).ending
    assert wanted is not None
    for kill_at in range(1, len(process.steps) + 1):
        home = site()
        job = await home.create()
        first = home.process("D1")
        first.kill_at = kill_at
        await home.finish(home.drive(first, job))
        told = {event.url for event in home.of_type(job, e.SitemapLoaded)}
        asked = len(home.sitemaps.requests)
        await home.finish(home.drive(home.process("D2"), job))

        ending = home.meta(job).ending
        assert ending is not None
        assert ending.counts == wanted.counts, f"killed before step {kill_at}: {first.steps[-1]}"
        assert set(await home.library(job)) == set(_SITE)
        assert sorted(event.url for event in home.of_type(job, e.SitemapLoaded)) == sorted(_at("index", "one", "two"))
        assert not told & set(home.sitemaps.requests[asked:])
        assert [event.level for event in home.of_type(job, e.Log)].count("warning") == 1
        await _check_counts(home, home.meta(job))
