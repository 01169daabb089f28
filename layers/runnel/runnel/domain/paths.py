"""Where a page's Markdown lies in the output folder, and what a library is called when nobody names it.

Laws (tests/unit/domain/test_paths.py):

1. A path is a function of the set of URLs, never of the order in which they were crawled.
2. Two URLs never share a file, also where case, Unicode form or the names of devices do not count.
3. No URL leads out of the folder, to a hidden file, or to anything that does not end in `.md`.
"""

import re
import unicodedata
from collections.abc import Iterable
from hashlib import sha256
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

#: Bytes of one segment, its suffix included: every file system allows 255.
MAX_SEGMENT_BYTES: Final = 200
#: Bytes of a whole path; macOS refuses 1,024 with the folder before it, and a URL may have 2,048.
MAX_PATH_BYTES: Final = 400
MAX_LIBRARY_NAME: Final = 80

#: What a library may be called: it is a folder and a part of URLs.
LIBRARY_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)

#: Endings that say "this is a page" and nothing about it.
_PAGE_ENDINGS: Final = (".html", ".htm", ".xhtml", ".shtml", ".md", ".markdown", ".php", ".asp", ".aspx", ".jsp")
#: Windows opens a device instead of a file with one of these names, whatever follows the first dot.
_DEVICES: Final = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])"
)
#: What everything can bear, if it is no device: most segments are so.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")
_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*]')
#: Controls, invisible marks that reorder text, lone surrogates, code points without a character, odd line ends.
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})
_NOT_SLUG: Final = re.compile(r"[^a-z0-9._-]+")


def page_path(url: str, home_host: str | None = None) -> str:
    """Give the path of a page's file, relative to the output folder and `/`-separated.

    Args:
        url: the canonical URL of the page.
        home_host: `host[:port]` of the library's first source, as in the URL; pages of others get their own folder.
    """
    parts = urlsplit(url)
    *folders, name = parts.path.lstrip("/").split("/")
    file = _file_name(name, parts.query)
    segments = [_folder_name(folder) for folder in folders]
    if home_host is not None and parts.netloc != home_host:
        segments.insert(0, _folder_name(parts.netloc.replace(":", "-")))
    path = "/".join([*segments, file])
    return path if len(path.encode()) <= MAX_PATH_BYTES else f"_long/{_cut(file[:-3], 80)}-{_digest(url, 16)}.md"


def resolve_collisions(urls: Iterable[str], home_host: str | None = None) -> dict[str, str]:
    """Give every URL a file of its own: the shortest, then least URL keeps the plain path, the others get a suffix."""
    taken: set[str] = set()
    paths: dict[str, str] = {}
    later: list[tuple[str, str]] = []
    for url in sorted(set(urls), key=precedence):
        path = page_path(url, home_host)
        if path_key(path) in taken:
            later.append((url, path))
        else:
            taken.add(path_key(path))
            paths[url] = path
    for url, path in later:
        paths[url] = next(free for free in suffixed_paths(url, path) if path_key(free) not in taken)
        taken.add(path_key(paths[url]))
    return paths


def precedence(url: str) -> tuple[int, str]:
    """Order URLs that want the same file: the least gets it."""
    return len(url), url


def path_key(path: str) -> str:
    """What two paths share when some file system takes them for the same file."""
    return unicodedata.normalize("NFC", path.casefold())


def suffixed_paths(url: str, path: str) -> Iterable[str]:
    """The other names of a page whose plain path is taken, in the order to try them."""
    folder, slash, name = path.rpartition("/")
    for digits in (8, 16, 32, 64):
        yield f"{folder}{slash}{_cut(name[:-3], MAX_SEGMENT_BYTES - digits - 4)}-{_digest(url, digits)}.md"


def library_name_from(url: str) -> str:
    """Name a library after the URL where its crawl starts: `docs.example.com-guide`.

    Start URLs that name different pages of a host give different names, up to letter case and `/` against `-`.
    """
    parts = urlsplit(url)
    folders = [folder for folder in parts.path.split("/") if folder]
    if folders and _without_ending(folders[-1]).lower() in {"index", "default"}:
        folders.pop()
    if folders:
        folders[-1] = _without_ending(folders[-1])
    wanted = "-".join([parts.netloc.replace(":", "-"), *folders]).lower()
    name = _NOT_SLUG.sub("-", wanted).strip("-._") or "library"
    is_changed = _NOT_SLUG.search(wanted.replace("[", "").replace("]", "")) is not None
    if is_changed or parts.query or len(name) > MAX_LIBRARY_NAME:
        return f"{name[: MAX_LIBRARY_NAME - 9].rstrip('-._')}-{_digest(url, 8)}"
    return name


def _file_name(name: str, query: str) -> str:
    """The last segment: without a page's ending, with a mark for the query, with ours."""
    stem = _without_ending(_decoded(name)) if name else "index"
    mark = f"-{_digest(query, 8)}" if query else ""
    return _cut(_safe(stem), MAX_SEGMENT_BYTES - len(mark) - 3) + mark + ".md"


def _folder_name(name: str) -> str:
    """A folder's segment; one that looks like one of our files would stand in its way."""
    safe = _safe(_decoded(name))
    return _cut(f"{safe}_" if safe.lower().endswith(".md") else safe, MAX_SEGMENT_BYTES)


def _decoded(segment: str) -> str:
    """Undo percent-encoding where that gives text; otherwise leave it."""
    try:
        return unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        return segment


def _without_ending(name: str) -> str:
    """Drop `.html` and its like; a name that is nothing else stays."""
    stem, dot, ending = name.rpartition(".")
    return stem if stem and (dot + ending).lower() in _PAGE_ENDINGS else name


def _safe(segment: str) -> str:
    """Replace what some file system, shell or eye cannot bear; never empty, never hidden."""
    text = segment if _PLAIN.fullmatch(segment) else _without_odd_characters(segment)
    stem, dot, rest = text.partition(".")
    return (f"{stem}_{dot}{rest}" if _DEVICES.fullmatch(stem.rstrip().lower()) else text) or "_"


def _without_odd_characters(segment: str) -> str:
    text = unicodedata.normalize("NFC", segment)
    text = "".join("_" if unicodedata.category(char) in _INVISIBLE else char for char in text)
    text = _FORBIDDEN.sub("_", text).replace("\u00a0", " ").strip(" ")
    if text.startswith(("~", "-")):
        text = "_" + text[1:]
    text = "_" * (len(text) - len(text.lstrip("."))) + text.lstrip(".")
    return text.rstrip(". ") + "_" * (len(text) - len(text.rstrip(". ")))


def _cut(text: str, size_bytes: int) -> str:
    """Keep whole characters within *size_bytes*; what was cut is told apart by a hash."""
    raw = text.encode()
    if len(raw) <= size_bytes:
        return text
    return raw[: size_bytes - 9].decode(errors="ignore").rstrip(". ") + "-" + _digest(text, 8)


def _digest(text: str, digits: int) -> str:
    return sha256(text.encode()).hexdigest()[:digits]
