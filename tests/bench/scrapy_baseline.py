"""
The same job done with Scrapy, selectolax and html-to-markdown: what a careful user would build in an afternoon.

* tuned, not crippled: no autothrottle, no cookies, no console, ten requests at once, links deduplicated before they
  are joined, one tree per page for links and text;
* robots.txt is obeyed, and every page becomes one Markdown file, as with runnel.

* with `--own-filter` duplicates are dropped before Scrapy sees them: Scrapy's filter makes and hashes a request for
  every link of every page, and most users leave it at that.

* with `--at-once N` the ten requests are N.

Runs in the bench's own environment: `python scrapy_baseline.py START_URL OUTPUT_FOLDER [--own-filter] [--at-once N]`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

import scrapy  # type: ignore[import-not-found]
from html_to_markdown import ConversionOptions, convert  # type: ignore[import-not-found]
from scrapy.crawler import CrawlerProcess  # type: ignore[import-not-found]
from selectolax.lexbor import LexborHTMLParser

SETTINGS = {
    "AUTOTHROTTLE_ENABLED": False,
    # For each page Scrapy starts this many tasks to handle its items; the default of 100 costs a fifth of the CPU.
    "CONCURRENT_ITEMS": 1,
    "CONCURRENT_REQUESTS": 16,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 10,
    "COOKIES_ENABLED": False,
    "DOWNLOAD_DELAY": 0,
    "LOG_LEVEL": "WARNING",
    "ROBOTSTXT_OBEY": True,
    "TELNETCONSOLE_ENABLED": False,
    "USER_AGENT": "bench",
}

MAIN = (
    "article[role=main], main article, [role=main], main, article, div.body, #main-content, #content, "
    ".md-content, .theme-doc-markdown, .document"
)
JUNK = "nav, footer, script, style, form, button, .headerlink, .sphinxsidebar, .navheader, .navfooter"
OPTIONS = ConversionOptions(extract_metadata=False)


class DocsSpider(scrapy.Spider):  # type: ignore[misc]
    """Follow every link below the start page's folder and write each page."""

    name = "docs"

    def __init__(self, start: str, folder: Path, *, own_filter: bool) -> None:
        """Crawl from *start* into *folder*; *own_filter* replaces Scrapy's duplicate filter by a set of URLs."""
        super().__init__()
        self.start_urls = [start]
        self._prefix = urljoin(start, ".")
        self._folder = folder
        self._own_filter = own_filter
        self._seen = {start}

    def parse(self, response: Any, **_: Any) -> Iterator[Any]:
        """Write one page and ask for the pages it links to."""
        if not response.headers.get("Content-Type", b"").startswith(b"text/html"):
            return
        tree = LexborHTMLParser(response.body)
        links = {(a.attributes.get("href") or "").partition("#")[0] for a in tree.css("a[href]")}
        _write(self._folder, response.url, _to_markdown(tree))
        for url in {urljoin(response.url, link) for link in links if link}:
            if url.startswith(self._prefix) and self._is_new(url):
                yield scrapy.Request(url, dont_filter=self._own_filter)

    def _is_new(self, url: str) -> bool:
        if not self._own_filter:
            return True
        is_new = url not in self._seen
        self._seen.add(url)
        return is_new


def _to_markdown(tree: Any) -> str:
    main = tree.css_first(MAIN) or tree.body
    for node in main.css(JUNK):
        node.decompose()
    return str(convert(main.html, OPTIONS).content)


def _write(folder: Path, url: str, text: str) -> None:
    path = urlsplit(urldefrag(url).url).path
    file = folder / f"{(path + 'index.html' if path.endswith('/') else path).lstrip('/').removesuffix('.html')}.md"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"---\nurl: {url}\n---\n\n{text}", encoding="utf-8")


def main() -> None:
    """Crawl, and end when nothing is left."""
    start, folder, *rest = sys.argv[1:]
    settings = dict(SETTINGS)
    if "--at-once" in rest:
        at_once = int(rest[rest.index("--at-once") + 1])
        settings |= {"CONCURRENT_REQUESTS": at_once, "CONCURRENT_REQUESTS_PER_DOMAIN": at_once}
    process = CrawlerProcess(settings)
    process.crawl(DocsSpider, start=start, folder=Path(folder), own_filter="--own-filter" in rest)
    process.start()


if __name__ == "__main__":
    main()
