"""What a job makes of the links it finds: who is judged how, who is looked at again, and that no kill changes it."""

from collections.abc import Mapping
from typing import Any

import pytest

from runnel.domain import events as e
from runnel.domain.jobs import Job
from runnel.domain.traps import TRAP_BUDGET
from runnel.domain.verdicts import Verdict
from runnel.usecases.list_urls import UrlRecord, list_urls
from runnel.usecases.services import Tuning
from tests.support.homes import ScriptedHome, ScriptedPage


def _page(text: str, *links: str, **fields: Any) -> ScriptedPage:
    return ScriptedPage(text=text, links=links, **fields)


async def _records(home: ScriptedHome, job: Job) -> dict[str, UrlRecord]:
    records = await list_urls(home.outside.services, home.meta(job))
    found = {home.path_of(record.url): record for record in records}
    assert len(found) == len(records), "a URL has two verdicts"
    end: Any = home.log(job)[-1]
    assert end.counts.seen == len(records) == sum(getattr(end.counts, verdict.value) for verdict in Verdict)
    assert sum(event.count for event in home.of_type(job, e.SourceStarted, e.UrlsDiscovered)) == len(records)
    return found


async def _killed_anywhere(site: Mapping[str, Any], **options: Any) -> tuple[set[str], Any]:
    """Crawl undisturbed, then with a driver killed before each of its steps: always the same pages and counts."""
    whole = ScriptedHome(site)
    job = await whole.create(**options)
    process = whole.process("D1")
    await whole.finish(whole.drive(process, job))
    pages, ending = set(await whole.library(job)), whole.meta(job).ending
    assert ending is not None
    for kill_at in range(1, len(process.steps) + 1):
        home = ScriptedHome(site)
        job = await home.create(**options)
        first = home.process("D1")
        first.kill_at = kill_at
        await home.finish(home.drive(first, job))
        await home.finish(home.drive(home.process("D2"), job))
        again = home.meta(job).ending
        assert again is not None

        assert (set(await home.library(job)), again.counts) == (pages, ending.counts), first.steps[-1]
        await _records(home, job)
    return pages, ending.counts


# ---- nofollow


async def test_a_link_that_is_not_to_be_followed_has_a_verdict_and_no_request() -> None:
    """By its anchor, by the page, by the header: each names its rule."""
    home = ScriptedHome(
        {
            "/": ScriptedPage(text="home", links=("/m",), nofollow_links=("/n", "/x.pdf", "https://else.example/")),
            "/m": _page("M", "/o", nofollow=True),
        }
    )
    job = await home.crawl()
    records = await _records(home, job)

    assert {path: (record.reason, record.rule) for path, record in records.items() if record.reason} == {
        "/n": ("nofollow", "rel=nofollow"),
        "/o": ("nofollow", "robots meta nofollow"),
        "/x.pdf": ("asset", "document: .pdf"),
        "https://else.example/": ("out_of_scope", "scope subpages docs.example.com/"),
    }
    assert not {"/n", "/o"} & set(home.fetched)


async def test_another_link_brings_in_what_one_page_did_not_want_followed() -> None:
    """One comment form's nofollow must not cost the manual a page."""
    site = {
        "/": ScriptedPage(text="home", links=("/a",), nofollow_links=("/n",)),
        "/a": _page("A", "/n"),
        "/n": _page("N", "/behind"),
        "/behind": _page("behind"),
    }
    home = ScriptedHome(site)
    job = await home.crawl()
    records = await _records(home, job)
    told = [event for event in home.of_type(job, e.UrlsDiscovered) if event.reconsidered]

    assert records["/n"].verdict is Verdict.FETCHED
    assert (home.path_of(records["/n"].parent or ""), records["/n"].depth) == ("/a", 2)
    assert [(event.reconsidered, event.count, event.skipped) for event in told] == [(1, 0, {})]
    assert await _killed_anywhere(site) == ({"/", "/a", "/n", "/behind"}, home.meta(job).ending.counts)  # type: ignore[union-attr]


# ---- depth


def _late_shortcut() -> dict[str, Any]:
    """`/x`, which answers last, leads to `/p`, and so to what was too deep by the longer way."""
    return {
        "/": _page("home", "/a", "/x"),
        "/a": _page("A", "/b"),
        "/b": _page("B", "/p"),
        "/p": _page("P", "/q"),
        "/q": _page("Q", "/far"),
        "/far": _page("far"),
        "/x": [_page("X", status=503), _page("X", status=503), _page("X", "/p")],
    }


async def test_a_shorter_path_brings_in_what_was_too_deep() -> None:
    """Depth is the least over all known paths, whichever answered first."""
    home = ScriptedHome(_late_shortcut())
    job = await home.crawl(max_depth=3)
    records = await _records(home, job)
    first = next(event for event in home.of_type(job, e.UrlsDiscovered) if event.skipped.get("depth"))

    assert home.path_of(first.source_url) == "/p", "it was too deep at first"
    assert (records["/q"].verdict, records["/q"].depth) == (Verdict.FETCHED, 3)
    assert (records["/far"].reason, records["/far"].rule) == ("depth", "max_depth 3")
    assert "/far" not in home.fetched


async def test_depth_is_exact_whoever_is_killed_when() -> None:
    """The links that a depth depends on are in the log."""
    site = {
        "/": _page("home", "/a", "/x"),
        "/a": _page("A", "/p"),
        "/p": _page("P", "/q"),
        "/q": _page("Q", "/far"),
        "/far": _page("far"),
        "/x": _page("X", "/q"),
    }
    pages, _ = await _killed_anywhere(site, max_depth=2)

    assert pages == {"/", "/a", "/x", "/p", "/q"}


@pytest.mark.parametrize("most", [0, 1, 4])
async def test_the_depth_is_measured_at_the_site(most: int) -> None:
    """Not one request beyond it."""
    home = ScriptedHome({"/": _page("home", "/1")} | {f"/{n}": _page(f"page {n}", f"/{n + 1}") for n in range(1, 9)})
    await home.crawl(max_depth=most)

    assert home.fetched == ["/", *(f"/{n}" for n in range(1, most + 1))]


# ---- spelling


async def test_parameters_that_do_not_matter_are_dropped_and_their_order_too() -> None:
    """One page is fetched once, also when the start URL or a redirect is spelled otherwise."""
    home = ScriptedHome(
        {
            "/": _page("home", "/p?b=2&a=1&sid=7", "/p?sid=8&a=1&b=2", "/p?a=1&b=2&lang=de", "/p?utm_source=x"),
            "/p?a=1&b=2": _page("P", final="/p?sid=9&b=2&a=1"),
            "/p": _page("plain"),
        }
    )
    job = await home.create("/?sid=1", ignore_query=("sid", "lan*"))
    await home.finish(home.drive(home.process("D1"), job))

    assert home.fetched == ["/", "/p?a=1&b=2", "/p"]
    assert set(await home.library(job)) == {"/", "/p?a=1&b=2", "/p"}


async def test_parameters_that_the_operator_calls_tracking_are_dropped() -> None:
    """Every site has its own; the order of the others stays."""
    home = ScriptedHome(
        {"/": _page("home", "/p?b=1&Ref=x&a=2", "/p?ref=y"), "/p?b=1&a=2": _page("P"), "/p": _page("plain")},
        tuning=Tuning(tracking_parameters=frozenset({"ref"})),
    )
    await home.crawl()

    assert home.fetched == ["/", "/p?b=1&a=2", "/p"]


# ---- traps


async def test_a_trap_costs_its_budget_and_no_more() -> None:
    """A calendar goes on for ever; the manual beside it is crawled to its end."""

    class Endless(dict[str, Any]):
        def get(self, path: str, _default: Any = None) -> Any:
            if path.startswith("/cal?month="):
                month = int(path.rpartition("=")[2])
                return _page(f"month {month}", f"/cal?month={month + 1}", f"/cal?month={month + 2}")
            return super().get(path, ScriptedPage(status=404))

    home = ScriptedHome({})
    home.pages = Endless({"/": _page("home", "/cal?month=1", "/a"), "/a": _page("A")})
    home.latency_s = 0.001
    job = await home.crawl()
    records = await _records(home, job)
    trapped = [record for record in records.values() if record.reason == "trap"]

    assert len([path for path in home.fetched if path.startswith("/cal")]) == TRAP_BUDGET
    assert {record.rule for record in trapped} == {
        f"calendar: over {TRAP_BUDGET} pages under https://docs.example.com/cal?"
    }
    assert records["/a"].verdict is Verdict.FETCHED
