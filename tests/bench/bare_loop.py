"""
The practical limit: aiohttp and turbohtml in one loop, with nothing that makes a crawl safe or durable.

* no store, no files, no events, no robots, no retries: what is faster than this is not a crawler of Markdown;
* one tree per page, links deduplicated before they are joined, and absolute in the Markdown.

Alone: `python -m tests.bench.bare_loop START_URL`; prints how many pages it turned into Markdown.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast
from urllib.parse import urljoin

import aiohttp
import turbohtml
from yarl import URL

CONCURRENCY = 10

MAIN = "article[role=main], main article, [role=main], main, article, div.body, #content, .document"
JUNK = "nav, footer, script, style, form, button, .headerlink, .sphinxsidebar, .navheader, .navfooter"


async def crawl(start: str) -> int:
    """Fetch every page below the start page's folder; return how many there were."""
    prefix = urljoin(start, ".")
    seen = {start}
    queue: asyncio.Queue[str] = asyncio.Queue()
    queue.put_nowait(start)
    pages = 0

    async def work(session: aiohttp.ClientSession) -> None:
        nonlocal pages
        while True:
            url = await queue.get()
            links = await _page(session, url)
            pages += links is not None
            for link in links or ():
                if link.startswith(prefix) and link not in seen:
                    seen.add(link)
                    queue.put_nowait(link)
            queue.task_done()

    async with aiohttp.ClientSession() as session:
        workers = [asyncio.create_task(work(session)) for _ in range(CONCURRENCY)]
        await queue.join()
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return pages


async def _page(session: aiohttp.ClientSession, url: str) -> set[str] | None:
    """Turn one page into Markdown and return its links; None for what is no page."""
    async with session.get(URL(url, encoded=True)) as response:
        if response.status != 200 or response.content_type != "text/html":
            return None
        body = await response.read()
    tree = turbohtml.parse(body, positions=False)
    hrefs = {href.partition("#")[0] for href in cast("list[str]", tree.xpath("//a/@href"))} - {""}
    joined = {href: urljoin(url, href) for href in hrefs}
    main = tree.select_one(MAIN) or tree
    main.remove(JUNK)
    main.rewrite_links(lambda href: _absolute(href, url, joined))
    main.to_markdown()
    return set(joined.values())


def _absolute(href: str, url: str, joined: dict[str, str]) -> str:
    """Join a link that `joined` knows without its fragment; images are not in it."""
    path, mark, fragment = href.partition("#")
    return (joined.get(path) or urljoin(url, path)) + mark + fragment


def main() -> None:
    """Crawl and say how many pages there were."""
    print(asyncio.run(crawl(sys.argv[1])))


if __name__ == "__main__":
    main()
