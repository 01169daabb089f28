"""`llms.txt` in a whole job: it stands for a sitemap that is not there."""

from runnel.domain import events as e
from tests.support.homes import ScriptedHome, ScriptedPage

_SITE = {
    "/": ScriptedPage(text="home", links=("/a",)),
    "/a": ScriptedPage(text="A"),
    "/hidden": ScriptedPage(text="H", links=("/behind",)),
    "/behind": ScriptedPage(text="behind"),
}
_GUESS = "https://docs.example.com/sitemap.xml"
_LLMS = "https://docs.example.com/llms.txt"


def _home() -> ScriptedHome:
    return ScriptedHome(_SITE)


async def test_without_a_sitemap_the_list_for_language_models_is_read() -> None:
    """Some sites have nothing else; it is asked for once, and its absence is no news."""
    home = _home()
    home.sitemaps.files[_LLMS] = "# Manual\n\n- [Hidden](/hidden)\n- [Away](https://elsewhere.example/)\n"
    job = await home.crawl()
    with_sitemap, without = _home(), _home()
    with_sitemap.sitemaps.files[_GUESS] = "<urlset><url><loc>/hidden</loc></url></urlset>"
    await with_sitemap.crawl()
    plain = await without.crawl()

    assert set(await home.library(job)) == set(_SITE)
    assert [(event.url, event.urls, event.skipped) for event in home.of_type(job, e.SitemapLoaded)] == [(_LLMS, 2, 1)]
    assert home.sitemaps.llms_requests == without.sitemaps.llms_requests == [_LLMS]
    assert with_sitemap.sitemaps.llms_requests == []
    assert without.of_type(plain, e.Log, e.SitemapLoaded) == []


async def test_only_reads_the_list_too_and_skip_does_not() -> None:
    """It stands for the sitemap that is not there."""
    home, skipping = _home(), _home()
    home.sitemaps.files[_LLMS] = skipping.sitemaps.files[_LLMS] = "# Manual\n\n- [Hidden](/hidden)\n"
    job = await home.crawl(sitemap="only")
    await skipping.crawl(sitemap="skip")

    assert set(await home.library(job)) == {"/", "/hidden"}
    assert skipping.sitemaps.llms_requests == []


async def test_a_later_driver_asks_for_the_list_again() -> None:
    """That there is no sitemap stands in the log; what stands in its place has not come yet."""
    home = _home()
    home.sitemaps.files[_LLMS] = "# Manual\n\n- [Hidden](/hidden)\n"
    held = home.sitemaps.held[_LLMS] = home.hold("list")
    job = await home.create(sitemap="only")
    first = home.process("D1")
    task = home.drive(first, job)
    await home.clock.advance(10)
    first.kill()
    await home.finish(task)
    held.set()
    await home.finish(home.drive(home.process("D2"), job))

    assert (home.sitemaps.requests, home.sitemaps.llms_requests) == ([_GUESS], [_LLMS, _LLMS])
    assert set(await home.library(job)) == {"/", "/hidden"}
