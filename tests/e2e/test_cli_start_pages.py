"""Start pages of which nothing comes: each says why in a sentence and what to try, and its job has ended."""

import re
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.site.faults import EndlessBody, HugeBody, Status
from tests.site.server import SiteServer
from tests.support.command_line import Cli

#: Links alone: the sitemap of the site would bring pages after all.
CRAWL = ("crawl", "--sitemap", "skip")
#: Prepares the site; the URL to crawl.
Prepare = Callable[[SiteServer], str]


@pytest.fixture
async def site() -> AsyncIterator[SiteServer]:
    async with SiteServer() as server:
        yield server


def _of(path: str, prepare: Callable[[SiteServer], object] = lambda _site: None) -> Prepare:
    def prepared(site: SiteServer) -> str:
        prepare(site)
        return site.url(path)

    return prepared


@pytest.mark.parametrize(
    ("prepare", "category", "sentence", "advice"),
    [
        pytest.param(
            lambda _site: "http://no-such-host.invalid/", "dns", "does not resolve", "Check the spelling", id="host"
        ),
        pytest.param(lambda site: site.url().replace("http:", "https:"), "tls", "secure", "certificate", id="tls"),
        pytest.param(_of("/docs/none/at-all.html"), "http_4xx", "answered 404", "in a browser", id="missing"),
        pytest.param(
            _of("/docs/broken.html", lambda site: site.fail("/docs/broken.html", Status(code=403))),
            "http_4xx", "answered 403", "in a browser", id="forbidden",
        ),
        pytest.param(
            _of("/docs/away/", lambda site: site.redirect("/docs/away/", "https://elsewhere.example.invalid/")),
            "redirect_out_of_scope", "https://elsewhere.example.invalid/", "--allow-domain", id="off-scope",
        ),
        pytest.param(
            _of("/docs/void.html", lambda site: site.add("/docs/void.html", "<html><body></body></html>")),
            "empty_page", "has no text", "JavaScript", id="empty",
        ),
        pytest.param(
            _of("/docs/data.bin", lambda site: site.add("/docs/data.bin", b"\0\1", "application/octet-stream")),
            "unsupported_type", "octet-stream", "Only HTML", id="no-page",
        ),
        pytest.param(
            _of("/docs/huge.html", lambda site: site.fail("/docs/huge.html", HugeBody())),
            "too_large", "10", "limit", id="huge",
        ),
        pytest.param(
            _of("/docs/endless.html", lambda site: site.fail("/docs/endless.html", EndlessBody())),
            "too_large", "10", "limit", id="endless",
        ),
    ],
)  # fmt: skip
async def test_a_start_page_that_gives_nothing_says_why(
    tmp_path: Path, site: SiteServer, prepare: Prepare, category: str, sentence: str, advice: str
) -> None:
    """Exit code 6: the user learns the reason and the next thing to try, and nothing is left running."""
    cli = Cli(tmp_path, RUNNEL_ALLOW_PRIVATE=site.address)
    ran = await cli.run(*CRAWL, prepare(site), "--no-output")
    failures = [line["error"]["category"] for line in ran.lines if line["type"] == "url_failed"]

    assert ran.code == 6
    assert failures == [category]
    assert ran.lines[-1]["type"] == "job_failed"
    assert re.search(rf"^Error: .*{re.escape(sentence)}", ran.err, re.MULTILINE)
    assert advice in ran.err
    assert "Traceback" not in ran.err


async def test_a_server_that_is_down_is_named(tmp_path: Path) -> None:
    """Connection refused."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
    ran = await Cli(tmp_path, RUNNEL_ALLOW_PRIVATE=address).run("crawl", f"http://{address}/")

    assert ran.code == 6
    assert re.search(rf"^Error: .*{address}", ran.err, re.MULTILINE)
    assert "Is the server running?" in ran.err
    assert ran.lines[-1]["type"] == "job_failed"


async def test_a_private_address_is_blocked_and_the_way_to_allow_it_is_shown(tmp_path: Path, site: SiteServer) -> None:
    """Safe by default, and no riddle."""
    ran = await Cli(tmp_path).run("crawl", site.url())

    assert ran.code == 6
    assert re.search(r"^Error: .*127\.0\.0\.1", ran.err, re.MULTILINE)
    assert f"--allow-private {site.address}" in ran.err
    assert ran.lines[-1]["type"] == "job_failed"
    assert site.requests == []
