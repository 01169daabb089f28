"""The folder of Markdown files that a local crawl fills.

Laws (tests/integration/test_output_folder.py):

1. A file is there whole or not at all: it is written aside and renamed.
2. What we wrote stands in `.runnel-manifest.jsonl` before it is written, so a killed crawl leaves nothing unknown;
   what does not stand there is somebody else's and is never replaced or removed.
3. After `reconcile` the files of a library are exactly its published pages, at the paths of `resolve_collisions`
   (but for a name that somebody else's file has). Other libraries may share the folder.

Nothing is synced to the disk: a file survives the end of every process, not a power cut.
"""

import asyncio
import json
import os
import shutil
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Final, TextIO

from runnel.domain.integrity import Flaw
from runnel.domain.paths import page_path, path_key, resolve_collisions, suffixed_paths
from runnel.domain.payloads import StoredPage
from runnel.errors import StoreUnavailable
from runnel.streaming.front_matter import front_digest, front_matter

#: Reads the Markdown of a published page (tenant, page); None when it is gone.
ReadMarkdown = Callable[[str, StoredPage], Awaitable[str | None]]

MANIFEST: Final = ".runnel-manifest.jsonl"
#: Where files are written before they get their name; on the same file system as the folder.
_ASIDE: Final = ".runnel-tmp"


@dataclass(slots=True)
class _File:
    """One file of ours: where it lies, and which content we wrote, below which front matter ("" before any was)."""

    path: str
    content_hash: str
    front: str = ""


#: A page of a library: its library and URL.
_Key = tuple[str, str]
_Files = dict[_Key, _File]


class FolderOutput:
    """The `Output` port over a folder; one process writes a folder at a time (its library has one active job)."""

    def __init__(self, root: Path, home_host: str | None = None, read_markdown: ReadMarkdown | None = None) -> None:
        """Write below *root*, which is made when it is missing.

        Args:
            root: the folder, absolute.
            home_host: as for `page_path`.
            read_markdown: fetches what `reconcile` finds missing; without it those files stay missing.
        """
        self._root = root
        self._home_host = home_host
        self._read_markdown = read_markdown
        self._lock = Lock()
        self._files: _Files | None = None  # None until the manifest was read
        self._taken: set[str] = set()  # the path keys of our files
        self._wanted: dict[str, str] = {}  # URL → path, once the published pages are known
        self._folders: set[str] = set()
        self._former_names: frozenset[str] = frozenset()  # of the library: files that were written under one stay good
        self._journal: TextIO | None = None

    async def write(self, library_id: str, page: StoredPage, markdown: str) -> None:
        await self.write_many(library_id, ((page, markdown.encode("utf-8", "replace")),))

    async def write_many(self, library_id: str, pages: Iterable[tuple[StoredPage, bytes]]) -> None:
        """Write several pages in one visit to a thread."""
        await asyncio.to_thread(self._write_all, library_id, tuple(pages))

    async def adopt(self, library_id: str, former_names: Sequence[str]) -> None:
        await asyncio.to_thread(self._adopt, library_id, frozenset(former_names))

    async def arrange(self, library_id: str, pages: tuple[StoredPage, ...]) -> dict[str, str]:
        return await asyncio.to_thread(self._name_all, library_id, pages)

    async def reconcile(self, tenant: str, library_id: str, pages: tuple[StoredPage, ...]) -> None:
        missing = await asyncio.to_thread(self._arrange, library_id, pages)
        for page in missing:
            markdown = await self._read_markdown(tenant, page) if self._read_markdown else None
            if markdown is not None:
                await self.write(library_id, page, markdown)
        await asyncio.to_thread(self._finish)

    async def examine(
        self, tenant: str, library_id: str, pages: tuple[StoredPage, ...]
    ) -> tuple[tuple[Flaw, str], ...]:
        if not await asyncio.to_thread(self._root.is_dir):
            return ()
        wrong = await asyncio.to_thread(self._misfits, library_id, pages)
        spoiled = {path for _, path in wrong}
        for page in pages:
            markdown = await self._read_markdown(tenant, page) if self._read_markdown else None
            if markdown is not None:
                path = await asyncio.to_thread(self._spoiled, library_id, page, markdown)
                wrong += [("corrupt", path)] if path and path not in spoiled else []
        return tuple(wrong)

    async def close(self) -> None:
        """Close the manifest; a later call opens it again."""
        await asyncio.to_thread(self._close)

    # --- in a thread ------------------------------------------------------------------------------------------------

    def _adopt(self, library_id: str, former_names: frozenset[str]) -> None:
        """Only what we know changes: the manifest is written with the next file; until then one may be found twice."""
        with self._lock, _translated(self._root):
            self._former_names |= former_names
            files = self._load() if self._root.is_dir() else {}
            for key in [key for key in files if key[0] in former_names]:
                file, ours = files.pop(key), files.get((library_id, key[1]))
                if ours is None:
                    files[library_id, key[1]] = file
                elif ours.path != file.path:
                    self._remove(file.path)

    def _write_all(self, library_id: str, pages: tuple[tuple[StoredPage, bytes], ...]) -> None:
        with self._lock, _translated(self._root):
            files = self._load()
            # Each call to the system gives the interpreter away, so a page costs as few of them as can be.
            paths = [self._claim(files, library_id, page) for page, _ in pages]
            self._flush_journal()
            for path, (page, markdown) in zip(paths, pages, strict=True):
                self._put(path, _content(library_id, page, markdown))

    def _arrange(self, library_id: str, pages: tuple[StoredPage, ...]) -> list[StoredPage]:
        """Remove and rename until our files have the names of *pages*; the pages that have no file, or an old one."""
        with self._lock, _translated(self._root):
            files = self._load()
            self._wanted = resolve_collisions((page.url for page in pages), self._home_host)
            ours = [key for key in files if key[0] == library_id]
            for key in [key for key in ours if key[1] not in self._wanted]:
                self._remove(files.pop(key).path)
            self._move_all(files, [key for key in ours if key in files and files[key].path != self._wanted[key[1]]])
            return [page for page in pages if not self._is_current(library_id, files.get((library_id, page.url)), page)]

    def _misfits(self, library_id: str, pages: tuple[StoredPage, ...]) -> list[tuple[Flaw, str]]:
        """Files that are missing, lie elsewhere than they should, or belong to no page."""
        with self._lock, _translated(self._root):
            files = self._load()
            wanted = resolve_collisions((page.url for page in pages), self._home_host)
            found: list[tuple[Flaw, str]] = []
            for url in wanted:
                file = files.get((library_id, url))
                if file is None or not (self._root / file.path).is_file():
                    found.append(("missing", file.path if file else wanted[url]))
                elif file.path != wanted[url] and self._is_free(wanted[url]):
                    found.append(("misplaced", file.path))
            return found + [
                ("orphan", files[key].path) for key in files if key[0] == library_id and key[1] not in wanted
            ]

    def _spoiled(self, library_id: str, page: StoredPage, markdown: str) -> str | None:
        """The path of a page's file that does not hold what it should; from now on it counts as out of date."""
        with self._lock, _translated(self._root):
            file = self._load().get((library_id, page.url))
            if file is None or not (self._root / file.path).is_file():
                return None
            held, text = (self._root / file.path).read_bytes(), markdown.encode("utf-8", "replace")
            if any(held == _content(name, page, text) for name in (library_id, *self._former_names)):
                return None
            file.content_hash = ""
            return file.path

    def _name_all(self, library_id: str, pages: tuple[StoredPage, ...]) -> dict[str, str]:
        """The names that the files of *pages* have, or will have: those that have none yet are given one."""
        self._arrange(library_id, pages)
        with self._lock, _translated(self._root):
            files = self._load()
            for page in pages:
                key = library_id, page.url
                if key not in files:
                    self._register(files, key, _File(self._free_path(page.url), ""))
            self._flush_journal()
            return {page.url: files[library_id, page.url].path for page in pages}

    def _finish(self) -> None:
        with self._lock, _translated(self._root):
            self._rewrite_journal(self._load())
            self._close_journal()
            shutil.rmtree(self._root / _ASIDE, ignore_errors=True)
            self._folders.clear()

    def _close(self) -> None:
        # What a full disk did not take are the entries of files that it did not take either.
        with self._lock, suppress(OSError):
            self._close_journal()

    # --- files ------------------------------------------------------------------------------------------------------

    def _claim(self, files: _Files, library_id: str, page: StoredPage) -> str:
        """The path of a page's file, written down as ours before anything else happens to it."""
        key = (library_id, page.url)
        path = files[key].path if key in files else self._free_path(page.url)
        self._register(files, key, _File(path, page.content_hash, front_digest(library_id, page)))
        return path

    def _register(self, files: _Files, key: _Key, file: _File) -> None:
        files[key] = file
        self._taken.add(path_key(file.path))
        if self._journal is None:
            self._journal = (self._root / MANIFEST).open("a", encoding="utf-8")
        self._journal.write(_entry(key, file))

    def _flush_journal(self) -> None:
        """What is claimed stands in the manifest before its file is made."""
        if self._journal is not None:
            self._journal.flush()

    def _free_path(self, url: str) -> str:
        plain = self._wanted.get(url) or page_path(url, self._home_host)
        return next(path for path in (plain, *suffixed_paths(url, plain)) if self._is_free(path))

    def _is_free(self, path: str) -> bool:
        """Whether neither a page of ours nor a file of somebody else's has this name."""
        return path_key(path) not in self._taken and not os.path.lexists(f"{self._root}/{path}")

    def _put(self, path: str, body: bytes) -> None:
        target, aside = f"{self._root}/{path}", f"{self._root}/{_ASIDE}"  # a hot path: no `Path` is made for a page
        self._make_folder(aside)
        self._make_folder(target.rpartition("/")[0])
        name = f"{aside}/page"
        _write(name, body)
        os.replace(name, target)  # noqa: PTH105

    def _make_folder(self, folder: str) -> None:
        if folder not in self._folders:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self._folders.add(folder)

    def _remove(self, path: str) -> None:
        """Remove a file of ours, and the folders that it leaves empty."""
        self._taken.discard(path_key(path))
        target = self._root / path
        if not self._is_inside(target):
            return
        target.unlink(missing_ok=True)
        for folder in list(target.parents)[: len(PurePosixPath(path).parts) - 1]:
            if any(folder.iterdir()):
                break
            folder.rmdir()
            self._folders.discard(str(folder))

    def _move_all(self, files: _Files, moved: list[_Key]) -> None:
        """Give pages their final names: all aside first, for two of them may swap."""
        self._make_folder(f"{self._root}/{_ASIDE}")
        waiting: list[tuple[_Key, _File, Path]] = []
        for number, key in enumerate(moved):
            file, aside = files.pop(key), self._root / _ASIDE / f"moved-{number}"
            source = self._root / file.path
            if source.is_file() and self._is_inside(source):
                source.replace(aside)
                waiting.append((key, file, aside))
            self._remove(file.path)
        for key, file, aside in waiting:
            path = self._free_path(key[1])
            self._register(files, key, _File(path, file.content_hash, file.front))
            self._flush_journal()
            self._make_folder(f"{self._root}/{path}".rpartition("/")[0])
            aside.replace(self._root / path)

    def _is_current(self, library_id: str, file: _File | None, page: StoredPage) -> bool:
        if file is None or file.content_hash != page.content_hash:
            return False
        return file.front == front_digest(library_id, page) and (self._root / file.path).is_file()

    def _is_inside(self, target: Path) -> bool:
        """Whether a file still lies in the folder when links are followed: somebody may have made one since."""
        try:
            return target.parent.resolve(strict=True).is_relative_to(self._root.resolve())
        except FileNotFoundError:
            return False

    # --- the manifest -----------------------------------------------------------------------------------------------

    def _load(self) -> _Files:
        if self._files is None:
            self._root.mkdir(parents=True, exist_ok=True)
            self._files = dict(_entries(self._root / MANIFEST))
            self._taken = {path_key(file.path) for file in self._files.values()}
        return self._files

    def _rewrite_journal(self, files: _Files) -> None:
        self._close_journal()
        self._make_folder(f"{self._root}/{_ASIDE}")
        aside = self._root / _ASIDE / "manifest"
        aside.write_text(
            "".join(_entry(key, file) for key, file in sorted(files.items(), key=_by_key)), encoding="utf-8"
        )
        aside.replace(self._root / MANIFEST)

    def _close_journal(self) -> None:
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()


def _content(library_id: str, page: StoredPage, markdown: bytes) -> bytes:
    return front_matter(library_id, page).encode("utf-8", "replace") + markdown


def _write(name: str, body: bytes) -> None:
    """Write a whole file, in three calls to the system where `Path.write_bytes` makes seven."""
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666)
    try:
        rest = memoryview(body)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)


@contextmanager
def _translated(root: Path) -> Iterator[None]:
    """Say which folder failed, and why: full, read-only, a file where a folder must be."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(f"Cannot write to the output folder {root}: {error.strerror or error}.") from error


def _entry(key: _Key, file: _File) -> str:
    library_id, url = key
    entry = {
        "library": library_id,
        "url": url,
        "path": file.path,
        "content_hash": file.content_hash,
        "front": file.front,
    }
    return json.dumps(entry) + "\n"


def _by_key(entry: tuple[_Key, _File]) -> _Key:
    return entry[0]


def _entries(manifest: Path) -> Iterator[tuple[_Key, _File]]:
    """What the manifest says; a torn last line and paths that we would never make are passed over."""
    if not manifest.is_file():
        return
    for line in manifest.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
            library_id, url, path, digest = (str(entry[key]) for key in ("library", "url", "path", "content_hash"))
        except (ValueError, KeyError, TypeError):
            continue
        if _is_ours(path):
            yield (library_id, url), _File(path, digest, str(entry.get("front", "")))


def _is_ours(path: str) -> bool:
    """Whether we could have made this path: a folder from a stranger may hold a manifest that names anything."""
    parts = path.split("/")
    return path.endswith(".md") and "\\" not in path and ":" not in path and not any(p[:1] in {"", "."} for p in parts)
