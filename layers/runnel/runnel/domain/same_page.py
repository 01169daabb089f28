"""Which URLs are one page, and which of them the library shows.

Laws (tests/unit/domain/test_same_page.py):

1. URLs are one page when their bodies are equal, when they lead to one address, or when they declare one canonical
   address or are it; this goes on from one to the next.
2. While a job runs, the page that came first is fetched and the others are its duplicates; what the library shows is
   decided over all of them, so it does not depend on who came first: the declared canonical address, else the
   shortest, else the least.
3. A canonical address that pages of many other paths declare is a mistake of the site, and is not believed: it would
   make one page of all of them.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

#: Pages of so many other paths may declare one canonical address.
MOST_DECLARED: Final = 5
_INDEX_NAMES: Final = tuple(
    f"/{stem}.{ending}"
    for stem in ("index", "default")
    for ending in ("html", "htm", "php", "md", "aspx", "asp", "jsp")
)


class Fetched(NamedTuple):
    """What tells one page from another."""

    url: str
    final_url: str
    body_hash: str
    #: As the page declares it, in the job's spelling.
    canonical: str | None


class Shown(NamedTuple):
    """A page as the library shows it: where, from which URL's answer, and under which other URLs it was found."""

    url: str
    source: str
    others: tuple[str, ...]


class SamePages:
    """The pages that have come so far, each under the URL that came first."""

    def __init__(self) -> None:
        """Begin with none."""
        self._first: dict[Hashable, str] = {}
        self._declared = _Declared()

    def first_of(self, page: Fetched) -> str | None:
        """The URL of the same page that came before; None for a new page."""
        for name in _names(page, self._declared):
            first = self._first.get(name)
            if first is not None and first != page.url:
                return first
        return None

    def add(self, page: Fetched) -> None:
        """Take note of a page that has come."""
        self._declared.add(page)
        first = self.first_of(page) or page.url
        for name in _names(page, self._declared):
            self._first.setdefault(name, first)


def choose(pages: Iterable[Fetched], *, contents: Mapping[str, str] | None = None) -> Iterator[Shown]:
    """Tell of all pages which URL the library shows.

    Args:
        pages: Every page that was fetched, duplicates too.
        contents: By URL: the hash of its content, of pages that are processed: by it, twins are found whose bodies
            differ in what nobody sees. Pages that are missing here are shown only if no other of theirs is there.
    """
    found = list(pages)
    declared = _Declared()
    for page in found:
        declared.add(page)
    for group in _groups(found, declared, contents or {}):
        yield _show(group, contents)


def twin_key(url: str) -> str:
    """What the usual twins of a page share: `index.html`, a slash at the end, `www.`, the scheme."""
    place, mark, query = url.partition("://")[2].removeprefix("www.").partition("?")
    if place.endswith(_INDEX_NAMES):
        for name in _INDEX_NAMES:
            place = place.removesuffix(name)
    return f"{place.rstrip('/')}{mark}{query}"


class _Declared:
    """Who declares which canonical address."""

    def __init__(self) -> None:
        self._keys: defaultdict[str, set[str]] = defaultdict(set)

    def add(self, page: Fetched) -> None:
        if page.canonical is not None and (key := _path_key(page.final_url)) != _path_key(page.canonical):
            self._keys[page.canonical].add(key)

    def is_believed(self, page: Fetched) -> bool:
        if page.canonical is None or _path_key(page.final_url) == _path_key(page.canonical):
            return page.canonical is not None
        return len(self._keys[page.canonical]) <= MOST_DECLARED


def _path_key(url: str) -> str:
    return twin_key(url.partition("?")[0])


def _names(page: Fetched, declared: _Declared) -> list[Hashable]:
    """What this page shares with others of the same."""
    names: list[Hashable] = [("body", page.body_hash), page.url]
    if page.final_url != page.url:
        names.append(page.final_url)
    if page.canonical is not None and declared.is_believed(page):
        names.append(page.canonical)
    return names


def _groups(pages: list[Fetched], declared: _Declared, contents: Mapping[str, str]) -> Iterable[list[Fetched]]:
    """Put together what is one page: pages that share a name, and those that share one with them.

    Most share none: they are found in one pass over all names, and only the others are put together.
    """
    repeated = {content for content, times in Counter(contents.values()).items() if times > 1}
    names_of = [_all_names(page, declared, contents.get(page.url), repeated) for page in pages]
    owners: dict[Hashable, int] = {}
    shared: set[Hashable] = set()
    for number, names in enumerate(names_of):
        for name in names:
            if owners.setdefault(name, number) != number:
                shared.add(name)
    some = [number for number, names in enumerate(names_of) if not shared.isdisjoint(names)]
    roots = _join(names_of[number] for number in some) if some else {}
    groups: defaultdict[Hashable, list[Fetched]] = defaultdict(list)
    for page in pages:
        groups[_root(roots, page.url) if page.url in roots else page.url].append(page)
    return groups.values()


def _all_names(page: Fetched, declared: _Declared, content: str | None, repeated: AbstractSet[str]) -> list[Hashable]:
    names = _names(page, declared)
    if content in repeated:
        names.append((twin_key(page.final_url), content))
    return names


def _join(names_of: Iterable[list[Hashable]]) -> dict[Hashable, Hashable]:
    """Each name with another one of its group, or with itself: `_root` leads from there to one for all."""
    roots: dict[Hashable, Hashable] = {}
    for names in names_of:
        first = _root(roots, names[0])
        for name in names:
            roots[_root(roots, name)] = first
    return roots


def _root(roots: dict[Hashable, Hashable], name: Hashable) -> Hashable:
    while roots.setdefault(name, name) != name:
        roots[name] = roots[roots[name]]
        name = roots[name]
    return name


def _show(group: list[Fetched], contents: Mapping[str, str] | None) -> Shown:
    if len(group) == 1:  # most pages have one address
        (page,) = group
        return Shown(url=page.final_url, source=page.url, others=() if page.url == page.final_url else (page.url,))
    declared = {page.canonical for page in group if page.canonical is not None}
    there = [page for page in group if contents is None or page.url in contents] or group

    def rank(page: Fetched) -> tuple[object, ...]:
        is_declared, says_so = page.final_url in declared, page.canonical in (None, page.final_url)
        return (
            not (is_declared and says_so), not is_declared, len(page.final_url), page.final_url,
            page.url != page.final_url, page.url,
        )  # fmt: skip

    best = min(there, key=rank)
    known = {page.url for page in group} | {page.final_url for page in group}
    return Shown(url=best.final_url, source=best.url, others=tuple(sorted(known - {best.final_url})))
