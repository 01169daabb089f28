"""A crawl through a proxy: every request, and a password that is left nowhere."""

from pathlib import Path

from tests.site.server import SiteServer
from tests.support.command_line import Cli
from tests.support.proxy_server import running_proxy


async def test_a_crawl_goes_through_its_proxy_and_leaves_no_password(tmp_path: Path) -> None:
    """Pages, robots.txt, sitemaps; without the password it fails, and says whose fault that is."""
    async with SiteServer() as site, running_proxy(password="ann:s3cret") as proxy:
        cli = Cli(tmp_path, RUNNEL_ALLOW_PRIVATE=site.address)
        place = f"127.0.0.1:{proxy.port}"
        crawl = ("crawl", site.url("/docs/guide/"), "--limit", "3", "-vv")
        ran = await cli.run(*crawl, "--proxy", f"http://ann:s3cret@{place}")
        asked, seen = len(proxy.asked), len(site.requests)
        refused = await cli.run(*crawl, "--library", "other", "--retry-batches", "1", "--proxy", f"http://{place}")
        wrong = await cli.run(*crawl, "--proxy", "https://ann:s3cret@proxy.example.com")
        remote = await cli.run(*crawl, "--proxy", f"http://{place}", "--remote", "http://127.0.0.1:9")
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    assert ran.code == 0
    assert asked == seen >= 5
    assert refused.code == 6
    assert f"the proxy {place} wants a name and a password, or others (407)" in refused.err
    assert len(site.requests) == seen
    assert wrong.code == 4
    assert "--proxy: 'https://********@proxy.example.com' is no proxy" in wrong.err
    assert remote.code == 2
    for text in (ran.out, ran.err, refused.err, wrong.out, wrong.err):
        assert "s3cret" not in text
    assert b"s3cret" not in left
    assert b"YW5uOnMzY3JldA" not in left
