"""What a site repeats is learned once, from a fixed sample, and no byte of a page depends on anything else."""

import gzip
import random
from typing import Any

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import Job
from runnel.domain.payloads import NO_MARKS, SiteMarks
from runnel.usecases.manifests import load_manifest
from runnel.usecases.process_pages import page_key
from runnel.usecases.replay_library import replay_library
from runnel.usecases.retry_job import retry_job
from runnel.usecases.services import Tuning
from runnel.usecases.site_profiles import SAMPLE_LINKS, profile_key
from runnel.usecases.verify_library import verify_library
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

NOTICE = "Please answer our yearly survey of users today"
PAGES = 30


def body(number: int, *, notice: bool = True, own: str = "") -> str:
    # A banner that no page alone can tell from text: in the text's own box, and without a name.
    said = f"<div class=x>{NOTICE}</div>" if notice else ""
    links = "".join(f'<a href="/{other}">Part {other}</a> and ' for other in range(PAGES)) if number < 0 else ""
    words = f"Page {number} says its own things {own} and more of them, " * 8
    return (
        f"<title>Page {number} :: Garden</title><body>{said}<div class=y><h1>P{number}</h1><p>{words}{links}</p></div>"
    )


def site(**options: Any) -> dict[str, Any]:
    leaves = {f"/{number}": ScriptedPage(body=body(number, **options)) for number in range(PAGES)}
    return {"/": ScriptedPage(body=body(-1, **options), links=tuple(leaves)), **leaves}


async def texts(home: ScriptedHome, job: Job) -> dict[str, tuple[str, str]]:
    """Title and Markdown of each page that the library shows, by path."""
    pages = await home.library(job)
    return {
        path: (page.title, gzip.decompress(home.state.objects[TENANT, page_key(page.content_hash)]).decode())
        for path, page in pages.items()
    }


async def profiles(home: ScriptedHome, job: Job) -> dict[str, SiteMarks]:
    library = home.state.libraries[TENANT, job.library_id]
    return dict((await load_manifest(home.outside.services, TENANT, library.pointer.path)).profiles)


def samples(home: ScriptedHome) -> list[str]:
    """The paths of the sample that the processor was told."""
    return [page.raw.key for request in home.submitted for page in request.profiles["main"].sample]


async def test_what_all_pages_say_is_in_none_of_them() -> None:
    """No single page can tell a notice from its text; the site can, and so for the pages of the sample too."""
    home = ScriptedHome(site())
    job = await home.crawl()
    found = await texts(home, job)

    assert len(found) == PAGES + 1
    assert not [path for path, (_, text) in found.items() if NOTICE in text]
    assert {title for title, _ in found.values()} == {f"Page {number}" for number in range(-1, PAGES)}
    assert (await profiles(home, job))["main"].blocks
    assert all("says its own things" in text for _, text in found.values())


@pytest.mark.parametrize("seed", range(4))
async def test_the_order_of_answers_changes_no_byte(seed: int) -> None:
    """Two crawls of one site give one library, whichever pages come first."""
    steady, shuffled = ScriptedHome(site()), ScriptedHome(site(), tuning=Tuning(batch_pages=1 + 5 * seed))
    shuffled.delays = {f"/{number}": random.Random(seed * 100 + number).uniform(0, 8) for number in range(PAGES)}
    first, second = await steady.crawl(), await shuffled.crawl()

    assert await texts(steady, first) == await texts(shuffled, second)
    assert await profiles(steady, first) == await profiles(shuffled, second)


async def test_pages_wait_for_the_sample_and_not_for_more() -> None:
    """Until the last page of the sample is there nothing may be read, and afterwards everything."""
    home = ScriptedHome(site())
    last, beyond = home.hold("/19"), home.hold("/25")
    job = await home.create()
    task = home.drive(home.process("D1"), job)
    await home.clock.advance(20)
    assert home.submitted == []
    last.set()
    await home.clock.advance(20)
    assert sum(len(request.pages) for request in home.submitted) == PAGES
    beyond.set()
    await home.finish(task)

    assert len(set(samples(home))) == SAMPLE_LINKS + 1


async def test_the_sample_is_fetched_before_all_else() -> None:
    """A site whose start page leads to thousands must not wait for the twentieth of them until the end."""
    pages = site()
    docs = {f"/guide/{number}": ScriptedPage(body=body(100 + number)) for number in range(40)}
    pages = {**pages, **docs, "/": ScriptedPage(body=body(-1), links=(*(f"/{n}" for n in range(PAGES)), *docs))}
    home = ScriptedHome(pages)
    await home.crawl(concurrency=2)

    assert set(home.fetched[1 : SAMPLE_LINKS + 1]) == {f"/{number}" for number in range(SAMPLE_LINKS)}


async def test_a_page_of_the_sample_that_fails_is_no_part_of_it() -> None:
    """And nobody waits for its next try: a page that hangs must not hold up the others for all of them."""
    pages = site()
    pages["/3"] = ScriptedPage(status=404)
    pages["/4"] = [ScriptedPage(status=503)] * 3 + [ScriptedPage(body=body(4))]
    home = ScriptedHome(pages)
    job = await home.crawl()
    sampled = {page.raw.key for request in home.submitted for page in request.profiles["main"].sample}
    found = await texts(home, job)

    assert len(sampled) == SAMPLE_LINKS - 1
    assert "/4" in found
    assert not [path for path, (_, text) in found.items() if NOTICE in text]


async def test_a_page_of_the_sample_that_fails_once_holds_nobody_up() -> None:
    """It is read as all others are; a page that hangs must not delay them for all its tries."""
    pages = site()
    pages["/4"] = [ScriptedPage(status=503), ScriptedPage(body=body(4))]
    home = ScriptedHome(pages)
    job = await home.crawl()
    sampled = {page.raw.key for request in home.submitted for page in request.profiles["main"].sample}

    assert len(sampled) == SAMPLE_LINKS
    assert "/4" in await texts(home, job)


async def test_a_successor_reads_with_the_same_profile() -> None:
    """The sample stands in the log, and its profile in the store: another driver finds both."""
    steady = ScriptedHome(site(), tuning=Tuning(batch_pages=5))
    wanted = await texts(steady, await steady.crawl())
    for kill_at in (3, 9, 15, 22, 30):
        home = ScriptedHome(site(), tuning=Tuning(batch_pages=5))
        job = await home.create()
        process = home.process("D1")
        process.kill_at = kill_at
        await home.finish(home.drive(process, job))
        await home.clock.advance(30)
        await home.finish(home.drive(home.process("D2"), job))

        assert await texts(home, job) == wanted, kill_at


async def test_a_profile_that_was_lost_is_learned_again_and_is_the_same() -> None:
    """It is a function of responses that are stored."""
    home = ScriptedHome(site(), tuning=Tuning(batch_pages=4))
    key = ""

    def lose(_path: str) -> None:
        home.state.objects.pop((TENANT, key), None)

    job = await home.create()
    key = profile_key(job.job_id, "main")
    home.on_fetch = lose
    await home.finish(home.drive(home.process("D1"), job))
    stored = home.state.objects[TENANT, key]
    other = ScriptedHome(site())
    again = await other.crawl()

    assert stored == other.state.objects[TENANT, profile_key(again.job_id, "main")]
    assert not [path for path, (_, text) in (await texts(home, job)).items() if NOTICE in text]


async def test_a_crawl_of_what_has_changed_reads_as_the_first_one_did() -> None:
    """Pages that were not asked for again were read with the old profile: one library, one way of reading."""
    home = ScriptedHome(site())
    first = await home.crawl()
    known = await profiles(home, first)
    home.pages = {**site(), "/7": ScriptedPage(body=body(7, own="of late"))}
    second = await home.crawl(mode="incremental")
    found = await texts(home, second)

    assert "of late" in found["/7"][1]
    assert NOTICE not in found["/7"][1]
    assert await profiles(home, second) == known
    assert [event.changed for event in home.of_type(second, e.LibraryPublished)] == [1]


async def test_a_full_crawl_learns_anew() -> None:
    """The site has changed its banner, or taken it down."""
    home = ScriptedHome(site())
    await home.crawl()
    home.pages = site(notice=False)
    second = await home.crawl()

    assert (await profiles(home, second))["main"].blocks == ()


async def test_a_retry_reads_as_the_crawl_did() -> None:
    """A page that came late is no other page."""
    home = ScriptedHome({**site(), "/25": ScriptedPage(status=404)})
    first = await home.crawl()
    home.pages["/25"] = ScriptedPage(body=body(25))
    retry = await retry_job(home.outside.services, TENANT, first.job_id, invoke=False)
    await home.finish(home.drive(home.process("R"), retry))
    found = await texts(home, retry)

    assert NOTICE not in found["/25"][1]
    assert found["/25"][0] == "Page 25"


async def test_each_source_has_its_own_profile() -> None:
    """What one handbook repeats another may say once."""
    pages = {
        f"/{book}/{name}": ScriptedPage(
            body=body(number, notice=book == "a", own=book),
            links=tuple(f"/{book}/{other}" for other in range(5)) if name == "" else (),
        )
        for book in "ab"
        for number, name in enumerate(["", *map(str, range(5))])
    }
    home = ScriptedHome(pages)
    job = await home.create("/a/", "/b/")
    await home.finish(home.drive(home.process("D1"), job))
    known = await profiles(home, job)

    assert sorted(bool(marks.blocks) for marks in known.values()) == [False, True]


async def test_a_small_site_has_no_profile() -> None:
    """Two pages agree by chance; nothing is looked for, and nothing is stored."""
    home = ScriptedHome({"/": ScriptedPage(body=body(0), links=("/1",)), "/1": ScriptedPage(body=body(1))})
    job = await home.crawl()

    assert await profiles(home, job) == {"main": NO_MARKS}
    assert all(NOTICE in text for _, text in (await texts(home, job)).values())


async def test_a_limit_within_the_sample_ends_the_wait() -> None:
    """What will not be fetched cannot be waited for."""
    home = ScriptedHome(site())
    job = await home.crawl(limit=7)

    assert len(await home.library(job)) == 7
    assert home.of_type(job, e.JobCompleted)


async def test_steps_alone_end_as_one_crawl() -> None:
    """The download's log holds the sample that one crawl of both steps would have taken."""
    whole, parts = ScriptedHome(site()), ScriptedHome(site())
    job = await whole.crawl()
    await parts.crawl(steps=("download",))
    last = await parts.crawl(steps=("process",))

    assert await texts(parts, last) == await texts(whole, job)
    assert await profiles(parts, last) == await profiles(whole, job)


async def test_a_replay_reads_with_the_profile_of_the_generation() -> None:
    """Nothing has changed, so nothing changes: a replay that learned anew could."""
    home = ScriptedHome(site())
    first = await home.crawl()
    wanted, known = await texts(home, first), await profiles(home, first)
    replay = await replay_library(home.outside.services, TENANT, first.library_id, invoke=False)
    await home.finish(home.drive(home.process("R"), replay))

    assert await texts(home, replay) == wanted
    assert await profiles(home, replay) == known
    assert not [page for request in home.submitted[-1:] for page in request.profiles["main"].sample]


async def test_a_page_that_is_mended_is_read_with_its_profile() -> None:
    """Its name is the hash of a text without what the site repeats."""
    home = ScriptedHome(site())
    job = await home.crawl()
    key = page_key((await home.library(job))["/7"].content_hash)
    before = home.state.objects.pop((TENANT, key))
    mended = await verify_library(home.outside.services, TENANT, job.library_id, repair=True)

    assert [one.fate for one in mended.findings] == ["repaired"]
    assert gzip.decompress(home.state.objects[TENANT, key]) == gzip.decompress(before)
