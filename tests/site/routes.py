"""
What each path of the sample site answers before a test changes it.

* a path that ends in `/` is its `index.html`; every other path is the file of that name under `pages/`;
* what a file cannot say (redirects, second names, charsets, types) stands in the tables below;
* `{base}` in `robots.txt` and `sitemap.xml` becomes the address the server got.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Protocol
from urllib.parse import unquote

PAGES = Path(__file__).parent / "pages"

HTML = "text/html; charset=utf-8"

#: Type by file ending.
TYPES: Mapping[str, str] = MappingProxyType(
    {".html": HTML, ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8", ".xml": "application/xml"}
)

#: Pages in other charsets: one is told by its header alone, the other only by its `meta` element.
CHARSETS: Mapping[str, str] = MappingProxyType(
    {"/docs/intl/francais.html": "text/html; charset=windows-1252", "/docs/intl/nihongo.html": "text/html"}
)

#: Second names: requested path → path of the file that answers. No redirect, the same bytes.
ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "/docs/guide/irrigation.html": "/docs/guide/watering.html",
        "/docs/changelog.html?page=2": "/docs/changelog.page-2.html",
        # File names stay ASCII: file systems disagree about how to spell an umlaut.
        "/docs/intl/gewächshaus.html": "/docs/intl/gewaechshaus.html",
    }
)

#: Requested path → (status, Location).
REDIRECTS: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "/docs": (301, "/docs/"),
        "/docs/guide": (301, "guide/"),
        "/docs/old/install.html": (301, "/docs/start/install.html"),
        "/docs/old/older.html": (302, "install.html"),
        "/docs/community.html": (302, "/blog/community.html"),
        "/docs/loop/a.html": (302, "b.html"),
        "/docs/loop/b.html": (302, "a.html"),
    }
)

#: Things that are no pages: requested path → (type, bytes).
FILES: Mapping[str, tuple[str, bytes]] = MappingProxyType(
    {
        "/docs/files/wiring-diagram.pdf": ("application/pdf", b"%PDF-1.4\n%%EOF\n"),
        "/docs/files/firmware": ("application/octet-stream", bytes(range(256)) * 8),
    }
)

#: Paths whose text names the server's own address.
TEMPLATED = frozenset({"/robots.txt", "/sitemap.xml"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer."""

    body: bytes
    content_type: str = HTML
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    templated: bool = False

    def render(self, base: str) -> bytes:
        """Return the body with the server's own address filled in where the page asks for it."""
        return self.body.replace(b"{base}", base.encode()) if self.templated else self.body


class Pages(Protocol):
    """Where answers come from."""

    def find(self, target: str) -> Page | None:
        """Return the answer for a request target (path, and query if any), or None for a 404."""
        ...


class SitePages:
    """The sample site: the files of `pages/` under the rules of this module."""

    def __init__(self, root: Path = PAGES) -> None:
        """Read every file once, so that a request costs no disk."""
        self._files = {f"/{path.relative_to(root).as_posix()}": path.read_bytes() for path in _files_of(root)}

    def find(self, target: str) -> Page | None:
        """Return the answer for a request target; a query that means nothing here is ignored, as most servers do."""
        target = unquote(target)
        path = target.partition("?")[0]
        if path in REDIRECTS:
            status, location = REDIRECTS[path]
            return Page(body=b"", status=status, headers={"Location": location})
        if path in FILES:
            content_type, body = FILES[path]
            return Page(body=body, content_type=content_type)
        return self._file(ALIASES.get(target) or ALIASES.get(path) or path)

    def _file(self, path: str) -> Page | None:
        name = f"{path}index.html" if path.endswith("/") else path
        body = self._files.get(name)
        if body is None:
            return None
        content_type = CHARSETS.get(path) or TYPES[Path(name).suffix]
        return Page(body=body, content_type=content_type, templated=path in TEMPLATED)


def _files_of(root: Path) -> list[Path]:
    return [path for path in sorted(root.rglob("*")) if path.suffix in TYPES]
