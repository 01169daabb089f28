"""What the processor notes of a page, and how a manifest and its details part it."""

from runnel.domain.payloads import Hidden, StoredPage
from runnel.usecases.manifests import load_details, read_manifest
from tests.support.homes import TENANT, ScriptedHome, ScriptedPage


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
