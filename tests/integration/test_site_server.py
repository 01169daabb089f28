"""The sample site's own switches: what the end-to-end tests measure with must itself be right."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, urldefrag, urljoin

import aiohttp
import pytest
from yarl import URL

from tests.site import expected, faults
from tests.site.generated import GeneratedPages, make_page, path_of, write_pages
from tests.site.server import EVERY, SiteServer

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def site() -> AsyncIterator[SiteServer]:
    async with SiteServer() as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_a_plain_walk_of_the_site_finds_what_the_manifest_says(
    site: SiteServer, client: aiohttp.ClientSession
) -> None:
    """The manifest is the oracle of every crawl test; this walk shares no code with the crawler."""
    answers = await walk(client, site)

    in_scope = set(expected.FETCHED | expected.ROBOTS | expected.ASSETS).union(*expected.SAME_PAGE, expected.FAILED)
    assert {path for path, status in answers.items() if status} == in_scope
    assert {path for path, status in answers.items() if status == 404} == {"/docs/gone.html", "/docs/search?q=valve"}
    assert {path for path, status in answers.items() if status in {301, 302}} == {
        *expected.REDIRECTS,
        "/docs/loop/a.html",
        "/docs/community.html",
    }
    assert {path for path, status in answers.items() if status == 0} == expected.OUT_OF_SCOPE | expected.OTHER_HOSTS


@pytest.mark.parametrize("group", expected.SAME_PAGE, ids=sorted(map(min, expected.SAME_PAGE)))
async def test_addresses_of_one_group_give_the_same_bytes(
    site: SiteServer, client: aiohttp.ClientSession, group: frozenset[str]
) -> None:
    """Otherwise a crawler that stores both would be right."""
    bodies = {await (await ask(client, site.url(path))).read() for path in group}

    assert len(bodies) == 1


async def test_pages_that_are_fetched_once_differ_from_each_other(
    site: SiteServer, client: aiohttp.ClientSession
) -> None:
    """Otherwise the manifest would call a duplicate fetched."""
    bodies = [await (await ask(client, site.url(path))).read() for path in expected.FETCHED]

    assert len(set(bodies)) == len(bodies) == 42


@pytest.mark.parametrize("path", expected.WORDS)
async def test_charset_pages_are_not_utf_8_unless_they_say_so(
    site: SiteServer, client: aiohttp.ClientSession, path: str
) -> None:
    """A charset page in ASCII would prove nothing."""
    response = await ask(client, site.url(path))
    body = await response.read()

    charset = {"/docs/intl/francais.html": "windows-1252", "/docs/intl/nihongo.html": "shift_jis"}.get(path, "utf-8")
    assert expected.WORDS[path] in body.decode(charset)
    assert expected.WORDS[path] not in body.decode("latin-1")


async def test_robots_and_sitemap_name_the_address_the_server_got(
    site: SiteServer, client: aiohttp.ClientSession
) -> None:
    """Their URLs must be absolute, and the port is chosen at the start."""
    robots = await (await ask(client, site.url("/robots.txt"))).text()
    sitemap = await (await ask(client, site.url("/sitemap.xml"))).text()

    assert f"Sitemap: {site.base}/sitemap.xml" in robots
    assert f"<loc>{site.base}/docs/archive/field-notes.html</loc>" in sitemap


async def test_held_requests_wait_and_are_counted_while_they_do(
    site: SiteServer, client: aiohttp.ClientSession
) -> None:
    """Concurrency is measured here; a hold that lets through would measure nothing."""
    site.hold(EVERY)
    waiting = [asyncio.create_task(ask(client, site.url(path))) for path in ("/docs/", "/docs/faq.html", "/blog/")]
    await site.wait_held(EVERY, 3)

    assert site.in_flight == site.max_in_flight == 3
    assert not any(task.done() for task in waiting)

    site.release(EVERY)
    statuses = [response.status for response in await asyncio.gather(*waiting)]

    assert statuses == [200, 200, 200]


async def test_a_client_that_leaves_is_no_longer_in_flight(site: SiteServer) -> None:
    """A crawler that gave a page up must not look busy."""
    site.hold(expected.SLOW)
    async with aiohttp.ClientSession() as impatient:
        asking = asyncio.create_task(impatient.get(site.url(expected.SLOW)))
        await site.wait_in_flight(1)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    await site.wait_idle()

    assert site.in_flight == 0
    assert site.max_in_flight == 1


async def test_requests_are_recorded_in_order_with_query_and_user_agent(
    site: SiteServer, client: aiohttp.ClientSession
) -> None:
    """Tests ask who fetched what, and how often."""
    await ask(client, site.url("/docs/?utm_source=x"), headers={"User-Agent": "one"})
    await ask(client, site.url("/docs/"), headers={"User-Agent": "two"})

    assert [(seen.index, seen.path, seen.user_agent) for seen in site.requests] == [
        (0, "/docs/?utm_source=x", "one"),
        (1, "/docs/", "two"),
    ]
    assert site.count("/docs/") == 1


async def test_a_fault_with_a_number_of_times_heals_itself(site: SiteServer, client: aiohttp.ClientSession) -> None:
    """Retries are tested with it."""
    site.fail("/docs/", faults.Status(code=429, retry_after="7"), times=2)
    responses = [await ask(client, site.url("/docs/")) for _ in range(3)]

    assert [response.status for response in responses] == [429, 429, 200]
    assert responses[0].headers["Retry-After"] == "7"


async def test_added_and_removed_pages_win_over_the_files(site: SiteServer, client: aiohttp.ClientSession) -> None:
    """A test changes the site without touching a file."""
    site.add("/docs/new", "<p>new", "text/html", headers={"X-Robots-Tag": "noindex"})
    site.remove("/docs/faq.html")
    site.redirect("/docs/there", "/docs/new", status=308)
    new = await ask(client, site.url("/docs/there"))

    assert (await new.text(), new.headers["X-Robots-Tag"]) == ("<p>new", "noindex")
    assert (await ask(client, site.url("/docs/faq.html"))).status == 404


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.ConnectionReset(), aiohttp.ClientConnectionError),
        (faults.Garbage(), aiohttp.ClientError),
        (faults.TruncatedBody(), aiohttp.ClientPayloadError),
        (faults.StalledBody(), TimeoutError),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, type) else "",
)
async def test_broken_connections_look_broken_to_a_client(
    site: SiteServer, client: aiohttp.ClientSession, fault: faults.Fault, error: type[Exception]
) -> None:
    """Each must reach the client as the error it stands for."""
    site.fail("/docs/", fault)

    with pytest.raises(error):
        await (await client.get(site.url("/docs/"), timeout=aiohttp.ClientTimeout(total=0.3))).read()


@pytest.mark.parametrize("announced", [True, False])
async def test_a_huge_body_has_the_size_it_was_given(
    site: SiteServer, client: aiohttp.ClientSession, *, announced: bool
) -> None:
    """Limits are tested one byte on either side of it."""
    site.fail("/docs/", faults.HugeBody(size_bytes=1_000_001, announced=announced))
    response = await ask(client, site.url("/docs/"))

    assert len(await response.read()) == 1_000_001
    assert ("Content-Length" in response.headers) is announced


async def test_a_gzip_bomb_is_small_on_the_wire(site: SiteServer) -> None:
    """A limit on wire bytes alone must not catch it."""
    site.fail("/docs/", faults.GzipBomb(decoded_bytes=3_000_000))
    async with aiohttp.ClientSession(auto_decompress=False) as raw, aiohttp.ClientSession() as decoding:
        wire = len(await (await raw.get(site.url("/docs/"))).read())
        decoded = len(await (await decoding.get(site.url("/docs/"))).read())

    assert decoded == 3_000_000
    assert wire < 10_000


async def test_an_endless_body_outlasts_its_reader_but_not_its_server() -> None:
    """A fault that keeps the server alive would hang the suite."""
    async with SiteServer() as site, aiohttp.ClientSession() as client:
        site.fail("/docs/", faults.EndlessBody())
        async with client.get(site.url("/docs/")) as response:
            read = await response.content.readexactly(1_000_000)

    assert len(read) == 1_000_000


async def test_the_server_runs_alone_and_stops_when_asked(client: aiohttp.ClientSession) -> None:
    """`make crawl` starts it like this."""
    command = [sys.executable, "-m", "tests.site.server", "--port", "0"]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    status = (await ask(client, url)).status
    process.send_signal(signal.SIGTERM)

    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/docs/", url)
    assert status == 200
    assert await process.wait() == 0


async def test_generated_pages_are_reachable_and_distinct(client: aiohttp.ClientSession) -> None:
    """The marginal cost of a page is measured on them: a duplicate would cost less."""
    async with SiteServer(GeneratedPages(150)) as site:
        answers = await walk(client, site)

    assert {path for path, status in answers.items() if status == 200} == {path_of(n) for n in range(150)}
    assert len({make_page(n, 150) for n in range(150)}) == 150


def test_generated_pages_can_be_written_as_files(tmp_path: Path) -> None:
    """Nginx serves them in the bench."""
    write_pages(tmp_path, 3)

    assert (tmp_path / "docs/index.html").read_bytes() == make_page(0, 3)
    assert (tmp_path / "docs/s000/p00002.html").read_bytes() == make_page(2, 3)


async def ask(client: aiohttp.ClientSession, url: str, **options: Any) -> aiohttp.ClientResponse:
    """Get a URL as it is spelt, whole: a response that nobody reads keeps its connection."""
    response = await client.get(URL(url, encoded=True), **options)
    await response.read()
    return response


async def walk(client: aiohttp.ClientSession, site: SiteServer) -> dict[str, int]:
    """Follow every link below `/docs/`; return the first answer's status by path, 0 for what is out of scope."""
    answers: dict[str, int] = {}
    todo = {expected.START, *await sitemap_paths(client, site)}
    while todo:
        path = todo.pop()
        if not path.startswith(("/docs/", "/docs")):
            answers[path] = 0
            continue
        response = await ask(client, site.url(path), allow_redirects=False)
        answers[path] = response.status
        if response.content_type == "text/html":
            todo |= hrefs(site, path, await response.read()) - set(answers)
    return answers


async def sitemap_paths(client: aiohttp.ClientSession, site: SiteServer) -> set[str]:
    text = await (await ask(client, site.url("/sitemap.xml"))).text()
    return {loc.removeprefix(site.base) for loc in re.findall(r"<loc>(.*?)</loc>", text)}


def hrefs(site: SiteServer, path: str, body: bytes) -> set[str]:
    found: set[str] = set()

    class Links(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag == "a":
                found.add(dict(attrs).get("href") or "")

    Links().feed(body.decode(re.findall(rb'charset="?([\w-]+)', body + b"charset=utf-8")[0].decode()))
    joined = {urldefrag(urljoin(site.url(path), href.split("?utm_")[0])).url for href in found}
    # Whatever the page's charset, a path goes out as UTF-8.
    return {quote(url.removeprefix(site.base), safe="/:?=&%.") for url in joined}
