"""A library, or what a job brought, as one stream of bytes: for people, for programs, for language models.

Laws (tests/unit/usecases/test_export_library.py):
1. The same generation gives the same bytes; pages come in the order of their URLs.
2. Memory does not grow with the library's text: pages are read a few at a time, and nothing is kept.
3. Links between exported pages lead to their files, at the names that the output folder uses.
"""

import json
import zipfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from runnel.domain.libraries import Library
from runnel.domain.paths import resolve_collisions
from runnel.domain.payloads import StoredPage
from runnel.domain.warc import info_record
from runnel.fetching.canonical import canonicalize
from runnel.ports.output import Output
from runnel.streaming.front_matter import front_matter
from runnel.streaming.local_links import LocalPage, anchors_of, rewrite_links
from runnel.usecases.manifests import load_details, read_manifest
from runnel.usecases.process_pages import page_key
from runnel.usecases.read_library import get_library, own_former_names, text_missing, unpack
from runnel.usecases.services import Services

#: The formats that are one stream; `folder` is many files, for a machine that has folders.
StreamFormat = Literal["zip", "file", "jsonl", "llms", "llms-full", "warc"]
MEDIA_TYPES: Final[Mapping[StreamFormat, str]] = {
    "zip": "application/zip",
    "file": "text/markdown; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "llms": "text/plain; charset=utf-8",
    "llms-full": "text/plain; charset=utf-8",
    "warc": "application/warc",
}
#: Pages whose texts are in memory at a time.
_PAGES_AT_ONCE: Final = 50
#: The oldest time that a zip can hold: a time of ours would make each export differ.
_NO_TIME: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Pages that are to go out, in the order of their URLs."""

    services: Services
    tenant: str
    name: str
    pages: tuple[StoredPage, ...]
    home_host: str | None = None
    #: What the library was called before: a folder may have its files under such a name.
    former_names: tuple[str, ...] = ()

    async def texts(self) -> AsyncIterator[tuple[StoredPage, str]]:
        """Each page with its Markdown; raises `PageNotFound` when an object has gone."""
        for start in range(0, len(self.pages), _PAGES_AT_ONCE):
            async for pair in self._texts_of(self.pages[start : start + _PAGES_AT_ONCE]):
                yield pair

    async def _texts_of(self, pages: Sequence[StoredPage]) -> AsyncIterator[tuple[StoredPage, str]]:
        bodies = await self.services.content.get_many(self.tenant, [page_key(page.content_hash) for page in pages])
        for page in pages:
            body = bodies.get(page_key(page.content_hash))
            text = unpack(body) if body is not None else None
            if text is None:
                raise text_missing(page)
            yield page, text

    async def files(self, paths: Mapping[str, str] | None = None) -> AsyncIterator[tuple[StoredPage, str, str]]:
        """Each page with the path of its file and its Markdown, whose links lead to the other files.

        Args:
            paths: by URL, where a place has its own; else those of `resolve_collisions`.
        """
        if paths is None:
            paths = resolve_collisions((page.url for page in self.pages), self.home_host)
        local = await self._local_pages(paths)

        def find(address: str) -> LocalPage | None:
            return local.get(address) or local.get(canonicalize(address) or "")

        async for page, markdown in self.texts():
            yield page, paths[page.url], rewrite_links(markdown, paths[page.url], find)

    async def _local_pages(self, paths: Mapping[str, str]) -> dict[str, LocalPage]:
        """Where each address leads; anchors are read with the pages' details, and only they are kept."""
        local: dict[str, LocalPage] = {}
        for start in range(0, len(self.pages), _PAGES_AT_ONCE):
            some = self.pages[start : start + _PAGES_AT_ONCE]
            whole = await load_details(self.services, self.tenant, some)
            for page in some:
                headings = whole.get(page.url, page).headings
                anchors = anchors_of((heading.anchor, heading.text) for heading in headings)
                differing = {name: anchor for name, anchor in anchors.items() if name != anchor}
                here = LocalPage(path=paths[page.url], anchors=differing)
                names = (page.twin_url, *page.aliases) if page.twin_url else page.aliases
                local |= dict.fromkeys((*names, page.url), here)
        return local


async def open_export(services: Services, tenant: str, library_id: str) -> Export:
    """The published pages of a library; raises `LibraryNotFound`, `ManifestDamaged`."""
    library = await get_library(services, tenant, library_id)
    pages = await read_manifest(services, library)
    return Export(
        services=services,
        tenant=tenant,
        name=library_id,
        pages=tuple(pages[url] for url in sorted(pages)),
        home_host=home_host_of(library),
        former_names=await own_former_names(services, library) if library.former_names else (),
    )


def home_host_of(library: Library) -> str | None:
    """The host whose pages need no folder of their own."""
    return urlsplit(library.sources[0].url).netloc if library.sources else None


async def write_folder(export: Export, output: Output) -> None:
    """Write the pages as files; files that are not ours are left alone, those of pages that have gone are removed."""
    if export.former_names:
        await output.adopt(export.name, export.former_names)
    names = await output.arrange(export.name, export.pages)
    some: list[tuple[StoredPage, bytes]] = []
    async for page, _, markdown in export.files(names):
        some.append((page, markdown.encode("utf-8", "replace")))
        if len(some) == _PAGES_AT_ONCE:
            await output.write_many(export.name, some)
            some = []
    await output.write_many(export.name, some)
    await output.reconcile(export.tenant, export.name, export.pages)


def stream_export(export: Export, kind: StreamFormat) -> AsyncIterator[bytes]:
    """The export in one of its formats."""
    match kind:
        case "zip":
            return _zip(export)
        case "file":
            return _file(export)
        case "jsonl":
            return _jsonl(export)
        case "llms":
            return _llms(export)
        case "llms-full":
            return _llms_full(export)
        case "warc":
            return _warc(export)


async def _zip(export: Export) -> AsyncIterator[bytes]:
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]  # it only writes
        async for page, path, markdown in export.files():
            entry = zipfile.ZipInfo(path, _NO_TIME)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            text = front_matter(export.name, page) + markdown
            archive.writestr(entry, text.encode("utf-8", "replace"))
            yield sink.take()
    yield sink.take()


async def _file(export: Export) -> AsyncIterator[bytes]:
    yield f"# {export.name}\n\n{_count(export.pages)}\n".encode("utf-8", "replace")
    async for page, markdown in export.texts():
        yield f"\n---\n\nSource: <{page.url}>\n\n{markdown.rstrip()}\n".encode("utf-8", "replace")


async def _jsonl(export: Export) -> AsyncIterator[bytes]:
    async for page, markdown in export.texts():
        fields = page.model_dump(include={"url", "title", "description", "lang", "words", "fetched_at", "metadata"})
        line = {**fields, "content_hash": page.content_hash, "markdown": markdown}
        yield json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


async def _llms(export: Export) -> AsyncIterator[bytes]:
    yield f"# {export.name}\n\n> {_count(export.pages)}\n\n## Pages\n\n".encode("utf-8", "replace")
    for page in export.pages:
        more = f": {_one_line(page.description)}" if page.description.strip() else ""
        title = _one_line(page.title or page.url).replace("[", r"\[").replace("]", r"\]")
        yield f"- [{title}]({page.url}){more}\n".encode("utf-8", "replace")


async def _llms_full(export: Export) -> AsyncIterator[bytes]:
    yield f"# {export.name}\n\n> {_count(export.pages)}\n".encode("utf-8", "replace")
    async for page, markdown in export.texts():
        head = f"\n# {_one_line(page.title or page.url)}\n\nSource: {page.url}\n\n"
        yield (head + markdown.rstrip() + "\n").encode("utf-8", "replace")


async def _warc(export: Export) -> AsyncIterator[bytes]:
    """The responses as they came, those that are still kept; each is a record already."""
    newest = max((page.fetched_at for page in export.pages), default="1970-01-01T00:00:00Z")
    yield info_record(record_id=str(uuid5(NAMESPACE_URL, f"{export.name}/{newest}")), written_at=newest)
    for start in range(0, len(export.pages), _PAGES_AT_ONCE):
        some = export.pages[start : start + _PAGES_AT_ONCE]
        whole = await load_details(export.services, export.tenant, some)
        for page in some:
            raw = whole[page.url].raw if page.url in whole else None
            record = await export.services.raw.get(export.tenant, raw) if raw else None
            if record is not None:
                yield record


def _count(pages: Iterable[StoredPage]) -> str:
    pages = tuple(pages)
    return f"{len(pages)} pages, {sum(page.words for page in pages)} words."


def _one_line(text: str) -> str:
    return " ".join(text.split())


class _Sink:
    """A file that is handed on as it is written."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)
