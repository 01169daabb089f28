"""The crawler's redirects, through real HTTP on loopback: every hop is judged like a link."""

from collections.abc import AsyncIterator

import pytest

from runnel.domain.payloads import RobotsText
from runnel.fetching.canonical import may_share_secrets
from runnel.testing.clock import MovedClock
from tests.site.server import SiteServer
from tests.support.crawler_calls import Crawl, crawler_and_site


@pytest.fixture
async def crawl() -> AsyncIterator[Crawl]:
    """A site with `/docs/a`, and a crawler that may reach it under two names."""
    async with crawler_and_site() as crawl:
        yield crawl


async def test_a_redirect_is_followed_and_the_final_url_said(crawl: Crawl) -> None:
    """The library shows where a page is, not where a link pointed."""
    crawl.site.redirect("/docs/older", "/docs/old", status=308)
    crawl.site.redirect("/docs/old", "/docs/a?utm_source=x#part", status=301)
    result = await crawl.one("/docs/older", scope=crawl.scope)

    assert crawl.site.paths() == ["/docs/older", "/robots.txt", "/docs/old", "/docs/a"]
    assert result.page is not None
    assert result.page.final_url == crawl.site.url("/docs/a")


async def test_a_redirect_out_of_scope_is_skipped_with_its_rule(crawl: Crawl) -> None:
    """Sites link to elsewhere through their own redirects: no failure, and not one request there."""
    crawl.site.redirect("/docs/out", "/other/page")
    result = await crawl.one("/docs/out", scope=crawl.scope)

    assert (result.outcome, result.reason) == ("skipped", "out_of_scope")
    assert crawl.site.url("/other/page") in (result.rule or "")
    assert crawl.site.count("/other/page") == 0


async def test_a_start_url_that_redirects_out_of_scope_has_failed(crawl: Crawl) -> None:
    """There is nothing to crawl then, and the user must hear why."""
    crawl.site.redirect("/docs/", "https://elsewhere.example/")
    result = await crawl.one("/docs/", scope=crawl.scope)

    assert result.error is not None
    assert result.error.category == "redirect_out_of_scope"
    assert "https://elsewhere.example/" in result.error.message


async def test_a_start_url_may_have_moved_beside_its_directory(crawl: Crawl) -> None:
    """To its language or its version, in as many steps as a server likes; robots.txt and patterns hold on the way."""
    crawl.site.redirect("/docs/", "/en")
    crawl.site.redirect("/en", "/en/docs/")
    crawl.site.add("/en/docs/", "<title>There</title><p>Some words here.</p>")
    result = await crawl.one("/docs/", scope=crawl.scope)
    excluded = await crawl.one("/docs/", scope=crawl.scope.model_copy(update={"exclude": ("/en/**",)}))

    assert result.page is not None
    assert result.page.final_url == crawl.site.url("/en/docs/")
    assert (excluded.error and excluded.error.category) == "redirect_out_of_scope"


@pytest.mark.parametrize("goal", ["/", "/docs.html", "/login/?next=/docs/", "/users/sign_in"])
async def test_a_start_url_that_leads_above_its_directory_or_to_a_login_has_failed(crawl: Crawl, goal: str) -> None:
    """That is where sites lead to what they have not, or do not show."""
    crawl.site.redirect("/docs/", goal)
    crawl.site.add(goal.partition("?")[0], "<title>Else</title><p>Some words here.</p>")
    result = await crawl.one("/docs/", scope=crawl.scope)

    assert (result.error and result.error.category) == "redirect_out_of_scope"
    assert crawl.site.url(goal) in (result.error.message if result.error else "")


async def test_a_redirect_to_what_robots_txt_forbids_is_skipped(crawl: Crawl) -> None:
    """A redirect is no way around the rules; the ones that came along are used."""
    crawl.site.redirect("/docs/in", "/docs/secret/x")
    known = RobotsText(host=crawl.site.address, status=200, text="User-agent: *\nDisallow: /docs/secret")
    result = await crawl.one("/docs/in", scope=crawl.scope, robots=(known,))
    ignoring = await crawl.one("/docs/in", scope=crawl.scope, robots=(known,), obey_robots=False)

    assert (result.outcome, result.reason) == ("skipped", "robots")
    assert "2: Disallow: /docs/secret" in (result.rule or "")
    assert crawl.site.count("/robots.txt") == 0
    assert ignoring.error is not None
    assert ignoring.error.category == "http_4xx"


async def test_a_redirect_to_a_site_whose_content_signal_refuses_is_skipped_where_that_is_obeyed(crawl: Crawl) -> None:
    """A redirect is no way around this either."""
    crawl.site.redirect("/docs/in", "/docs/a")
    known = RobotsText(
        host=crawl.site.address, status=200, text="User-agent: *\nContent-Signal: ai-input=no\nDisallow: /docs/a"
    )
    obeying = await crawl.one("/docs/in", robots=(known,), obey_signals=True, obey_robots=False)
    telling = await crawl.one("/docs/in", robots=(known,), obey_robots=False)

    assert (obeying.outcome, obeying.reason) == ("skipped", "robots")
    assert "2: Content-Signal: ai-input=no" in (obeying.rule or "")
    assert telling.outcome == "fetched"


async def test_the_robots_txt_of_a_host_first_met_in_a_redirect_is_read(crawl: Crawl) -> None:
    """It cannot have come along."""
    crawl.site.redirect("/docs/in", crawl.site.url("/docs/secret").replace("127.0.0.1", "localhost"))
    result = await crawl.one("/docs/in")

    assert (result.outcome, result.reason) == ("skipped", "robots")
    assert crawl.site.count("/robots.txt") == 1


async def test_a_robots_txt_that_cannot_be_read_forbids_what_a_redirect_leads_to(crawl: Crawl) -> None:
    """A broken server is no permission; redirects that lead nowhere are: there is no file then."""
    away = crawl.site.base.replace("127.0.0.1", "localhost")
    crawl.site.redirect("/docs/in", f"{away}/docs/a")
    crawl.site.add("/robots.txt", "", status=503)
    broken = await crawl.one("/docs/in")
    crawl.site.redirect("/robots.txt", f"{away}/robots.txt")
    circular = await crawl.one("/docs/in")

    assert (broken.outcome, broken.reason) == ("skipped", "robots")
    assert circular.outcome == "fetched"


async def test_a_host_that_gave_no_robots_txt_fails_a_redirect_with_its_own_reason(crawl: Crawl) -> None:
    """`robots` would be a lie: nobody was asked, for the address is private."""
    crawl.site.redirect("/docs/in", "http://127.0.0.2:9/x")
    unanswered = RobotsText(host="127.0.0.2:9", status=None)
    result = await crawl.one("/docs/in", robots=(unanswered,))

    assert result.error is not None
    assert result.error.category == "blocked_address"


async def test_redirects_that_go_round_are_named(crawl: Crawl) -> None:
    """A loop would else cost ten requests, and say only `too many`."""
    crawl.site.redirect("/docs/x", "/docs/y")
    crawl.site.redirect("/docs/y", "/docs/x")
    result = await crawl.one("/docs/x", obey_robots=False)

    assert result.error is not None
    assert result.error.category == "too_many_redirects"
    assert f"{crawl.site.url('/docs/x')} → {crawl.site.url('/docs/y')}" in result.error.message
    assert len(crawl.site.requests) == 2


async def test_ten_redirects_are_followed_and_eleven_are_not(crawl: Crawl) -> None:
    """A site that redirects for ever, each time elsewhere, is no loop."""
    for number in range(20):
        crawl.site.redirect(f"/docs/hop{number}", f"/docs/hop{number + 1}")
    crawl.site.redirect("/docs/hop19", "/docs/a")
    ten = await crawl.one("/docs/hop10", obey_robots=False)
    eleven = await crawl.one("/docs/hop9", obey_robots=False)

    assert ten.outcome == "fetched"
    assert eleven.error is not None
    assert eleven.error.category == "too_many_redirects"


@pytest.mark.parametrize("location", ["ftp://h/x", "javascript:x", "file:///etc/passwd", " MailTo:x@y", "slack://open"])
async def test_a_redirect_to_what_is_no_web_page_leads_out_of_scope(crawl: Crawl, location: str) -> None:
    """Sites lead to mail and to programs as they lead to other sites: it is no failure, but of a start URL."""
    crawl.site.redirect("/docs/out", location)
    crawl.site.redirect("/docs/", location)
    result, start = await crawl.one("/docs/out", scope=crawl.scope), await crawl.one("/docs/", scope=crawl.scope)

    assert (result.outcome, result.reason, result.status) == ("skipped", "out_of_scope", 302)
    assert result.rule == f"redirects to '{location.strip()}': only http and https are crawled"
    assert start.error is not None
    assert start.error.category == "redirect_out_of_scope"
    assert start.error.message == f"the start URL {result.rule}"


@pytest.mark.parametrize("location", ["http://user:pw@h/", "http://[", "//", None, "", " "])
async def test_a_redirect_that_leads_nowhere_is_a_whole_answer(crawl: Crawl, location: str | None) -> None:
    """The location comes from outside; its status says that the answer came, so it is not asked for again."""
    crawl.site.redirect("/docs/bad", location)
    result = await crawl.one("/docs/bad")

    assert result.error is not None
    assert (result.error.category, result.status) == ("protocol", 302)
    assert "redirects" in result.error.message


@pytest.mark.parametrize("location", ["file:///etc/passwd", "http://[", None])
async def test_a_robots_txt_that_leads_nowhere_is_none(crawl: Crawl, location: str | None) -> None:
    """RFC 9309 section 2.3.1.2, as for redirects without end."""
    crawl.site.redirect("/robots.txt", location)
    crawl.site.redirect("/docs/in", "/docs/a")

    assert (await crawl.one("/docs/in", scope=crawl.scope)).outcome == "fetched"


async def test_a_redirect_to_a_private_address_is_blocked(crawl: Crawl) -> None:
    """The usual way of an attack: a public page that redirects to the metadata service."""
    crawl.site.redirect("/docs/evil", "http://169.254.169.254/latest/meta-data/")
    result = await crawl.one("/docs/evil")

    assert result.error is not None
    assert result.error.category == "blocked_address"


async def test_secrets_go_to_the_targets_own_host_only(crawl: Crawl) -> None:
    """A redirect must not carry a password to a stranger."""
    crawl.site.redirect("/docs/here", "/docs/a")
    crawl.site.redirect("/docs/away", crawl.site.url("/docs/a").replace("127.0.0.1", "localhost"))
    await crawl.one("/docs/here", headers={"X-Secret": "s"}, obey_robots=False)
    same_host = crawl.site.requests[-1]
    await crawl.one("/docs/away", headers={"X-Secret": "s"}, obey_robots=False)
    other_host = crawl.site.requests[-1]

    assert same_host.headers.get("X-Secret") == "s"
    assert other_host.path == "/docs/a"
    assert "X-Secret" not in other_host.headers


@pytest.mark.parametrize(
    ("url", "is_same"),
    [
        ("https://h/x", True),
        ("http://h/x", False),
        ("https://h:8443/x", False),
        ("https://other/x", False),
    ],
)
def test_a_secret_meant_for_https_never_travels_in_the_clear(url: str, is_same: bool) -> None:  # noqa: FBT001
    """The same host over http is another reader: whoever listens."""
    assert may_share_secrets("https://h/a", url) == is_same
    assert may_share_secrets("http://h/a", "https://h/x")


async def test_all_hops_share_one_deadline(crawl: Crawl) -> None:
    """Else ten redirects could hold a call for five minutes."""

    class SlowClock(MovedClock):
        def monotonic(self) -> float:
            self._monotonic += 0.3
            return self._monotonic

    crawl.clock = SlowClock()
    for number in range(9):
        crawl.site.redirect(f"/docs/hop{number}", f"/docs/hop{number + 1}")
    result = await crawl.one("/docs/hop0", deadline_s=2.0, obey_robots=False)

    assert result.error is not None
    assert result.error.category == "timeout"


class _NotedTurn:
    """A place at the host; each step with how many requests the site had seen."""

    def __init__(self, site: SiteServer) -> None:
        self._site = site
        self.steps: list[tuple[str, int]] = []

    def leave(self) -> None:
        self.steps.append(("leave", len(self._site.requests)))

    async def come_back(self) -> None:
        self.steps.append(("come back", len(self._site.requests)))


async def test_a_page_needs_no_place_at_its_host_while_it_is_read(crawl: Crawl) -> None:
    """Reading is our work; what is asked after it, for a page that leads on, is asked in a place again."""
    crawl.site.add("/docs/moved", '<meta http-equiv="refresh" content="0; url=/docs/a">')
    read, led_on, failed = (_NotedTurn(crawl.site) for _ in range(3))
    await crawl.call("/docs/a", turn=read)
    await crawl.call("/docs/moved", turn=led_on)
    await crawl.call("/docs/missing", turn=failed)

    assert read.steps == [("come back", 0), ("leave", 1)]
    # In between it asks for the robots.txt that the goal is judged by.
    assert led_on.steps == [("come back", 1), ("leave", 2), ("come back", 2), ("come back", 3), ("leave", 4)]
    assert failed.steps == [("come back", 4)]


async def test_the_time_that_a_hop_waits_for_its_turn_is_not_the_site_s(crawl: Crawl) -> None:
    """Neither does it use up the page's time, nor make the host look slow."""

    class Patient(_NotedTurn):
        async def come_back(self) -> None:
            crawl.clock._monotonic += 20  # noqa: SLF001  # as long as a crawl delay may be

    crawl.site.redirect("/docs/one", "/docs/two")
    crawl.site.redirect("/docs/two", "/docs/a")
    result = await crawl.one("/docs/one", deadline_s=30.0, turn=Patient(crawl.site))

    assert result.outcome == "fetched"
    assert result.elapsed_ms == 0
