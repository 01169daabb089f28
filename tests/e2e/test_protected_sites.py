"""Sites behind headers, cookies and passwords: the value reaches their own host, and nothing else ever holds it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.site.faults import Fault, send
from tests.site.server import EVERY, SiteServer
from tests.support.command_line import Cli

TOKEN = "Basic dXNlcjpzZXNhbWUtb3Blbi0wMTIz"
COOKIE = "session=sesame-open-4567"
HEADERS = ("-H", "Authorization: env:DOCS_AUTH", "-H", "Cookie: secret:docs/cookie")


class Protected(Fault):
    """401 for whoever does not bring both; it stands before every page of a site."""

    def __init__(self, site: SiteServer) -> None:
        self._site = site

    async def answer(self, request: web.BaseRequest, _closing: object, /) -> web.StreamResponse:
        if (request.headers.get("Authorization"), request.headers.get("Cookie")) != (TOKEN, COOKIE):
            return await send(request, web.Response(status=401, body=b"no"))
        bodies = {
            "/robots.txt": b"User-agent: *\nDisallow: /docs/closed\nSitemap: " + self._site.url("/map.xml").encode(),
            "/map.xml": b"<urlset><url><loc>/docs/listed</loc></url></urlset>",
            "/docs/": b"<title>t</title><main><p>start<a href=a>a</a><a href=away>b</a><a href=closed>c</a>"
            + self.link,
        }
        if request.path == "/docs/away":
            return await send(request, web.Response(status=302, headers={"Location": self.away}))
        body = bodies.get(request.path, b"<title>t</title><main><p>page " + request.path.encode())
        kind = "text/html" if request.path.startswith("/docs") else "text/plain"
        return await send(request, web.Response(body=body, headers={"Content-Type": kind}))

    away = ""
    link = b""


@pytest.fixture
async def sites() -> AsyncIterator[tuple[SiteServer, SiteServer]]:
    """A protected site, and a stranger that one of its pages redirects to."""
    async with SiteServer() as site, SiteServer() as stranger:
        fault = Protected(site)
        fault.away = stranger.url("/docs/light.html")
        fault.link = f"<a href={stranger.url('/docs/faq.html')}>d</a>".encode()
        site.fail(EVERY, fault)
        yield site, stranger


def everything_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_a_protected_site_is_crawled_and_no_file_and_no_stranger_ever_holds_the_secret(
    tmp_path: Path, sites: tuple[SiteServer, SiteServer]
) -> None:
    """Pages, robots.txt and sitemap alike; the redirect to another host in scope goes without it."""
    site, stranger = sites
    allowed = f"{site.address},{stranger.address}"
    cli = Cli(tmp_path, RUNNEL_ALLOW_PRIVATE=allowed, DOCS_AUTH=TOKEN, RUNNEL_SECRET_DOCS_COOKIE=f"{COOKIE}\n")
    ran = await cli.run("crawl", site.url(), *HEADERS, "--allow-domain", "127.0.0.1", "-o", "out", "-vv")
    job = ran.lines[0]["job_id"]
    urls = {line["url"]: line for line in (await cli.run("urls", job)).lines}
    held = everything_below(tmp_path) + ran.out.encode() + ran.err.encode()

    assert {url: urls[site.url(url)]["verdict"] for url in ("/docs/", "/docs/a", "/docs/listed")} == {
        "/docs/": "fetched",
        "/docs/a": "fetched",
        "/docs/listed": "fetched",
    }
    assert urls[site.url("/docs/closed")]["reason"] == "robots"
    assert {"/docs/light.html", "/docs/faq.html"} <= {*stranger.paths()}
    assert [seen.path for seen in stranger.requests if {"Authorization", "Cookie"} & seen.headers.keys()] == []
    assert ran.lines[0]["options"]["headers"] == {"Authorization": "env:DOCS_AUTH", "Cookie": "secret:docs/cookie"}
    assert (TOKEN.encode() in held, b"sesame" in held) == (False, False)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("Authorization: env:NOT_SET", "NOT_SET is not set"),
        ("Authorization: Basic dXNlcjpwdw==", "env:NAME or secret:NAME"),
        ("Host: env:DOCS_AUTH", "set by the crawler itself"),
        ("Bad Name: env:DOCS_AUTH", "headers"),
    ],
)
async def test_a_header_that_cannot_be_sent_is_refused_before_anything_is_asked(
    tmp_path: Path, sites: tuple[SiteServer, SiteServer], header: str, said: str
) -> None:
    """A literal value would stand in the log for ever; a missing one would fail every page."""
    site, _ = sites
    ran = await Cli(tmp_path, RUNNEL_ALLOW_PRIVATE=site.address, DOCS_AUTH=TOKEN).run("crawl", site.url(), "-H", header)

    assert ran.code in (2, 4)
    assert said in ran.err
    assert "dXNlcjpwdw==" not in ran.err + ran.out
    assert site.requests == []
