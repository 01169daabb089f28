"""
A site whose every answer takes 50 ms, crawled 32 at once: how much of the waiting is used.

    python -m tests.bench.latency [--repeat N] [--tools runnel,scrapy]

* The bound is concurrency ÷ latency: 640 pages a second. The bar is 70 % of it, from the command's start to its end.
* The server is a process of its own that keeps the pages in memory and does next to nothing for one; what it can give
  is measured first, with 32 bare connections.
* runnel and Scrapy are told to ask 32 at once, all else is as in the other tables.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.tools import OURS, Run, run_tool
from tests.site.generated import make_page, path_of

LATENCY_S = 0.05
CONCURRENCY = 32
PAGES = 6_000
BOUND = CONCURRENCY / LATENCY_S
LEAST_SHARE = 0.7
TOOLS = (*OURS, "scrapy")

_FLAGS = ("--limit", "20000", "--concurrency", str(CONCURRENCY))
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


# --- the server -----------------------------------------------------------------------------------------------------


class _SlowSite(asyncio.Protocol):
    """Answers each request of a connection after the latency; requests do not come two at a time."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        """Give *answers* by path."""
        self._answers = answers
        self._transport: asyncio.Transport | None = None
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport if isinstance(transport, asyncio.Transport) else None

    def data_received(self, data: bytes) -> None:
        """Answer a request whose head is complete, after the latency."""
        self._got += data
        if b"\r\n\r\n" in self._got and self._transport is not None:
            path, self._got = self._got.split(b" ", 2)[1], b""
            answer = self._answers.get(path, _NOT_FOUND)
            asyncio.get_running_loop().call_later(LATENCY_S, self._transport.write, answer)


async def _serve(pages: int) -> None:
    """Serve on a free port, which is written to standard output, until killed."""
    answers = {path_of(number).encode(): _answer(make_page(number, pages)) for number in range(pages)}
    server = await asyncio.get_running_loop().create_server(lambda: _SlowSite(answers), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )


# --- the bare client ------------------------------------------------------------------------------------------------


async def _ask_all(port: int, pages: int) -> float:
    """Pages a second over `CONCURRENCY` connections that do nothing else."""
    paths = [path_of(number) for number in range(pages)]
    start_s = time.perf_counter()
    await asyncio.gather(*(_ask(port, paths[place::CONCURRENCY]) for place in range(CONCURRENCY)))
    return pages / (time.perf_counter() - start_s)


async def _ask(port: int, paths: Sequence[str]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for path in paths:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.partition(b"Content-Length: ")[2].partition(b"\r")[0]))
    writer.close()


# --- the table ------------------------------------------------------------------------------------------------------


def measure(repeat: int = 3, tools: Sequence[str] = TOOLS, pages: int = PAGES) -> None:
    """Crawl with each tool, interleaved, and print what share of the bound it reaches."""
    command = [sys.executable, "-m", "tests.bench.latency", "serve", str(pages)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert server.stdout is not None
    try:
        port = int(server.stdout.readline())
        ceiling = asyncio.run(_ask_all(port, 2_000))
        print(f"{pages} pages of {LATENCY_S * 1000:g} ms, {CONCURRENCY} at once, load {os.getloadavg()[0]:.1f}")
        print(f"  bound {BOUND:.0f} pages/s; the server gives a bare client {ceiling:.0f}")
        with tempfile.TemporaryDirectory(prefix="bench-latency-") as folder:
            url = f"http://127.0.0.1:{port}/docs/"
            rounds = [tool for _ in range(repeat) for tool in tools]
            runs = [run_tool(tool, url, Path(folder), flags=_FLAGS, watch_memory=False) for tool in rounds]
    finally:
        server.terminate()
        server.wait()
    for tool in tools:
        _print_tool(tool, [run for run in runs if run.tool == tool], pages)
    print()


def _print_tool(tool: str, runs: Sequence[Run], pages: int) -> None:
    speed = statistics.median(run.pages / run.cost.wall_s for run in runs)
    cpu_ms = statistics.median(run.cost.cpu_s / max(run.pages, 1) * 1_000 for run in runs)
    is_whole = all(run.pages == pages for run in runs)
    verdict = "" if tool not in OURS else ": ok" if is_whole and speed >= LEAST_SHARE * BOUND else ": TOO SLOW"
    lack = "" if is_whole else f", pages missing: {[run.pages for run in runs]}"
    share = speed / BOUND
    print(f"  {tool:12} {speed:6.0f} pages/s, {share:4.0%} of the bound, {cpu_ms:.2f} ms CPU a page{lack}{verdict}")


def main() -> None:
    """Measure, or be the server."""
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(_serve(int(sys.argv[2])))
        return
    parser = argparse.ArgumentParser(prog="python -m tests.bench.latency")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--tools", default=",".join(TOOLS))
    parser.add_argument("--pages", type=int, default=PAGES)
    options = parser.parse_args()
    measure(options.repeat, options.tools.split(","), options.pages)


if __name__ == "__main__":
    main()
