"""What the processor notes of a page, and how a manifest and its details part it."""

import pytest

from runnel.domain import events as e
from runnel.domain.payloads import Hidden, StoredPage
from runnel.usecases.manifests import load_details, read_manifest
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage

WORDS = "Words that say something about pumps and hoses. " * 6


async def _page(body: str) -> tuple[StoredPage, StoredPage]:
    """The only page of a site, as the manifest lists it and whole."""
    home = ScriptedHome({"/": ScriptedPage(body=body)})
    job = await home.crawl()
    services = home.outside.services
    library = await services.libraries.get(TENANT, job.library_id)
    assert library is not None
    (listed,) = (await read_manifest(services, library)).values()
    (whole,) = (await load_details(services, TENANT, [listed])).values()
    return listed, whole


async def test_what_a_page_hides_stands_in_its_record() -> None:
    """A report lists it: the manifest says how much there is, the details say what."""
    listed, whole = await _page("<main><h1>T</h1><p>Seen.</p><p hidden>Obey me</p><p>a\u200bb</p></main>")

    assert (listed.hidden_pieces, listed.hidden) == (2, ())
    assert [piece.kind for piece in whole.hidden] == ["attribute", "zero_width"]
    assert whole.hidden[0] == Hidden(kind="attribute", excerpt="Obey me")


async def test_a_page_of_which_more_was_taken_than_it_marks_says_so() -> None:
    """Whoever wonders at a page's length finds the reason beside it."""
    long = "<p>" + "A sentence of the page that stands beside what it marks. " * 40
    wide, _ = await _page(f"<main><p>Only this is marked.</p></main><div><h1>T</h1>{long}</div>")
    usual, _ = await _page("<main><p>All is marked.</p></main>")

    assert (wide.extraction, usual.extraction) == ("wide", "")


def _site(**pages: str) -> dict[str, ScriptedPage]:
    return {
        "/": ScriptedPage(text=WORDS, links=tuple(f"/{name}" for name in pages)),
        **{f"/{name}": ScriptedPage(body=body) for name, body in pages.items()},
    }


async def test_a_page_that_hardly_says_anything_is_told_and_left_out() -> None:
    """Whoever searches a library must not wade through "Not found", and whoever misses a page finds its score."""
    home = ScriptedHome(
        _site(
            good=f"<title>Good</title><main><h1>Good</h1><p>{WORDS}</p></main>",
            stub="<title>Stub</title><main><h1>Stub</h1> <p>To be written.</p></main>",
            lost="<title>Page not found</title><main><p>We looked everywhere, and there is nothing here.</p></main>",
        ),
        low_quality_below=20,
    )
    job = await home.crawl()
    results = {result.url: result for event in home.of_type(job, e.BatchProcessed) for result in event.results}

    assert set(await home.library(job)) == {"/", "/good"}
    assert {home.path_of(url) for url, result in results.items() if result.low_quality} == {"/stub", "/lost"}
    assert results[home.url("/stub")].quality == e.Quality(score=10, reason="4 words")
    assert results[home.url("/lost")].quality.reason == "says that there is no such page"
    assert sum(event.low_quality for event in home.of_type(job, e.BatchProcessed)) == 2
    (end,) = home.of_type(job, e.JobCompleted)
    assert (end.ok, end.pages, end.low_quality) == (True, 4, 2)
    assert len([key for _, key in home.state.objects if key.startswith("pages/")]) == 2
    assert not [event for event in home.of_type(job, e.Log) if event.level == "warning"]


async def test_every_page_is_kept_when_the_setting_says_so() -> None:
    """A site of one-liners is somebody's documentation."""
    home = ScriptedHome(_site(stub="<main><h1>Stub</h1> <p>To be written.</p></main>"), low_quality_below=0)
    job = await home.crawl()

    assert set(await home.library(job)) == {"/", "/stub"}
    assert home.of_type(job, e.JobCompleted)[0].low_quality == 0


async def test_a_dry_run_tells_the_same_scores() -> None:
    """It promises what a crawl would bring."""
    home = ScriptedHome(_site(stub="<main><h1>Stub</h1> <p>To be written.</p></main>"), low_quality_below=20)
    told = [home.of_type(await home.crawl(dry_run=dry), e.BatchProcessed)[0].low_quality for dry in (True, False)]

    assert told == [1, 1]


@pytest.mark.parametrize("share", ["few", "many"])
async def test_a_page_that_was_better_before_stays(share: str) -> None:
    """A wall before the site, or an error in the words of a page, must not empty a library that was good."""
    names = [f"p{number}" for number in range(20)]
    good = {name: f"<title>{name}</title><main><h1>{name}</h1><p>{name} {WORDS}</p></main>" for name in names}
    home = ScriptedHome(_site(**good), low_quality_below=20)
    first = await home.crawl()
    walled = names[:1] if share == "few" else names[:9]
    wall = "<main><p>Access denied for whoever you may be, number {}.</p></main>"
    home.pages |= {f"/{name}": ScriptedPage(body=wall.format(name)) for name in walled}
    second = await home.crawl()

    assert set(await home.library(second)) == set(await home.library(first))
    assert bool(home.of_type(second, e.LibraryHeld)) is (share == "many")


async def test_a_page_s_last_change_is_what_it_says_else_what_its_header_says() -> None:
    """Readers sort by it; the header is the server's, and often the build's."""
    said, _ = await _page(f"<meta name=last-modified content=2024-05-06><main><h1>T</h1><p>{WORDS}</p></main>")
    silent, _ = await _page(f"<main><h1>T</h1><p>{WORDS}</p></main>")

    assert said.modified == "2024-05-06"
    assert silent.modified == "2015-10-21T07:28:00Z"
    assert silent.chunks == 1
