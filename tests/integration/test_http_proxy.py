"""Fetching through a real proxy that the operator names."""

import asyncio
import ssl
from pathlib import Path

import pytest

from runnel.adapters.http.fetcher import HttpFetcher
from runnel.errors import FetchFailed
from runnel.fetching.proxies import parse_proxy
from runnel.ports.fetcher import FetchRequest, FetchResponse
from tests.support.proxy_server import ProxyServer, running_proxy
from tests.support.raw_server import answering, certificate, sending, serving


async def _fetch(proxy: ProxyServer, *urls: str, password: str = "") -> list[FetchResponse]:
    fetcher = HttpFetcher(proxy=parse_proxy(f"http://{password}127.0.0.1:{proxy.port}"))
    try:
        return [await fetcher.fetch(FetchRequest(url=url, user_agent="t", deadline_s=5)) for url in urls]
    finally:
        await fetcher.close()


async def _failure(proxy: ProxyServer, url: str, *, password: str = "") -> FetchFailed:
    with pytest.raises(FetchFailed) as failure:
        await _fetch(proxy, url, password=password)
    return failure.value


async def test_a_page_is_asked_for_in_absolute_form_and_its_name_is_left_to_the_proxy() -> None:
    """Where a proxy is needed the names outside often do not resolve within; connections to the proxy are kept."""
    heads: list[bytes] = []

    async def handle(head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    async with serving(handle) as port, running_proxy(docs_example_com=port, a_example_net=port) as proxy:
        answers = await _fetch(proxy, "http://docs.example.com/a?b=c", "http://a.example.net:8080/")

    assert [answer.body for answer in answers] == [b"ok", b"ok"]
    assert proxy.asked == ["GET http://docs.example.com/a?b=c", "GET http://a.example.net:8080/"]
    assert b"\r\nHost: docs.example.com\r\n" in heads[0]
    assert b"\r\nHost: a.example.net:8080\r\n" in heads[1]


async def test_https_goes_through_a_tunnel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate is the site's, checked for the site's name: the proxy sees a name and no page."""
    tls = certificate(tmp_path, "docs.example.com")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    server = serving(answering("HTTP/1.1 200 OK", b"secret"), tls=tls)
    async with server as port, running_proxy(docs_example_com=port, other_example_com=port) as proxy:
        answers = await _fetch(proxy, "https://docs.example.com/a", "https://docs.example.com/b")
        failure = await _failure(proxy, "https://other.example.com/")

    assert [answer.body for answer in answers] == [b"secret", b"secret"]
    assert proxy.asked == ["CONNECT docs.example.com:443", "CONNECT other.example.com:443"]
    assert proxy.connections == 2
    assert failure.category == "tls"
    assert isinstance(tls, ssl.SSLContext)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_is_told_its_password_and_nobody_else_is(scheme: str) -> None:
    """A wrong one is no answer of the site: as robots.txt it would mean that everything is allowed."""
    heads: list[bytes] = []

    async def handle(head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    async with serving(handle) as port, running_proxy(password="ann:s3cret", docs_example_com=port) as proxy:
        await _fetch(proxy, "http://docs.example.com/", password="ann:s3cret@")
        failures = [
            await _failure(proxy, f"{scheme}://docs.example.com/robots.txt", password=password)
            for password in ("", "ann:guess@")
        ]

    assert len(heads) == 1
    assert b"roxy-" not in heads[0]
    for failure in failures:
        assert failure.category == "connect"
        assert failure.message == f"the proxy 127.0.0.1:{proxy.port} wants a name and a password, or others (407)"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/",
        "https://10.0.0.1/",
        "http://[::1]/",
        "http://localhost/",
        "https://metadata.google.internal/",
        "http://docs.example.com:25/",
    ],
)
async def test_what_a_url_says_is_judged_before_the_proxy_hears_of_it(url: str) -> None:
    """The guard still stands; only where a name leads is the proxy's to judge."""
    async with running_proxy() as proxy:
        failure = await _failure(proxy, url)

    assert failure.category == "blocked_address"
    assert proxy.connections == 0


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "does not connect to the site (502)"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "does not connect to the site (403)"),
        (b"HTTP/1.1 200 OK\r\n\r\nmore", "does not connect to the site (200)"),
        (b"\x15\x03\x01\r\n\r\n", "does not connect to the site (no HTTP)"),
        (b"", "gave no answer that is HTTP"),
        (b"x" * 20_000, "gave no answer that is HTTP"),
    ],
)
async def test_a_tunnel_that_does_not_open_is_said(raw: bytes, said: str) -> None:
    """By a sentence that names the proxy, for the site is not to blame."""
    async with serving(sending(raw, then_close=True) if raw else _hang_up) as port:
        failure = await _failure(ProxyServer(port=port), "https://docs.example.com/")

    assert failure.category == "connect"
    assert failure.message == f"the proxy 127.0.0.1:{port} {said}"


async def _hang_up(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_is_not_there_is_said(scheme: str) -> None:
    """And nothing is fetched without it."""
    async with serving(answering("HTTP/1.1 200 OK")) as port:
        pass
    failure = await _failure(ProxyServer(port=port), f"{scheme}://docs.example.com/")

    assert failure.category == "connect"
    assert failure.message.startswith(f"the proxy 127.0.0.1:{port} cannot be reached: ")


async def test_a_proxy_that_says_nothing_is_given_up() -> None:
    """Within the time that a connection may take, or the page's, if that is less."""

    async def silent(_head: bytes, _reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with serving(silent) as port:
        fetcher = HttpFetcher(proxy=parse_proxy(f"http://127.0.0.1:{port}"))
        with pytest.raises(FetchFailed) as failure:
            await fetcher.fetch(FetchRequest(url="https://docs.example.com/", user_agent="t", deadline_s=0.2))
        await fetcher.close()

    assert failure.value.category == "timeout"
