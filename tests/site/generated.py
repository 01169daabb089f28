"""
A site of any size, the same at every run: what one more page costs is measured on it.

* every page is reachable from the first by a tree of links, and no two pages have the same text;
* a page depends on its number and the total alone, so it is made when asked for and never stored.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

from tests.site.routes import Page

_CHILDREN = 8

_TEXT = (
    "bed valve zone sensor vent lamp heater barrel season rule mark reading soil air water light frost noon night "
    "controller opens closes waits reads tells keeps moves warm cold dry damp early late slowly twice often never"
)

_WORDS = _TEXT.split()

#: `/docs/s012/p01234.html` → 1234; the start page has no number.
_NUMBER = re.compile(r"^/docs/s\d{3}/p(\d{5})\.html$")


class GeneratedPages:
    """Pages 0 … total-1; number 0 is `/docs/`."""

    def __init__(self, total: int) -> None:
        """Make no page yet; *total* is at most 100,000."""
        self._total = total

    def find(self, target: str) -> Page | None:
        """Return the page of a request target, or None for a 404."""
        number = _number_of(target.partition("?")[0])
        if number is None or number >= self._total:
            return None
        return Page(body=make_page(number, self._total))


def write_pages(folder: Path, total: int) -> None:
    """Write the site as files, for a server that knows nothing about it (`/docs/` is `docs/index.html`)."""
    for number in range(total):
        path = path_of(number)
        file = folder / (f"{path}index.html" if path.endswith("/") else path).lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(make_page(number, total))


def path_of(number: int) -> str:
    """Return the path of a page."""
    return "/docs/" if number == 0 else f"/docs/s{number // 100:03d}/p{number:05d}.html"


def make_page(number: int, total: int) -> bytes:
    """Return page *number* of *total*: about 6 KB with the parts a page of documentation has."""
    source = random.Random(number)  # repeatable text, not a secret
    links = "\n".join(f'<li><a href="{path_of(n)}">Page {n}</a></li>' for n in _links(number, total))
    parts = "\n".join(_part(source, number, k) for k in range(4))
    return _FRAME.format(number=number, links=links, parts=parts).encode()


_FRAME = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Page {number}</title></head>
<body><nav><ul>
{links}
</ul></nav>
<main><h1>Page {number}</h1>
{parts}
</main><footer><p>Generated.</p></footer></body></html>
"""

_PART = """<section><h2 id="part-{k}">{title}</h2>
<p>{first} See <a href="#part-{k}">above</a>.</p>
<div class="highlight"><pre><code class="language-python">def step_{number}_{k}(reading):
    if reading &lt; {low}:
        return "open"
    return "closed"
</code></pre></div>
<p>{second}</p>
<table><tr><th>Mark</th><th>Value</th></tr><tr><td>low</td><td>{low}</td></tr></table></section>"""


def _part(source: random.Random, number: int, k: int) -> str:
    title = " ".join(source.choices(_WORDS, k=3)).capitalize()
    first, second = _sentences(source), _sentences(source)
    return _PART.format(number=number, k=k, title=title, first=first, second=second, low=source.randrange(100))


def _sentences(source: random.Random) -> str:
    return " ".join(" ".join(source.choices(_WORDS, k=12)).capitalize() + "." for _ in range(6))


def _links(number: int, total: int) -> list[int]:
    children = range(_CHILDREN * number + 1, _CHILDREN * number + _CHILDREN + 1)
    parent = (number - 1) // _CHILDREN if number else 0
    return [n for n in sorted({0, parent, number - 1, number + 1, *children}) if 0 <= n < total]


def _number_of(path: str) -> int | None:
    if path == "/docs/":
        return 0
    match = _NUMBER.match(path)
    # Only the one spelling exists: another folder for the same number would be a second name of the page.
    return int(match[1]) if match and path == path_of(int(match[1])) else None
