"""Traps: places where a site makes new URLs without end.

Laws (tests/unit/domain/test_traps.py):

1. A suspicious URL is no trap yet: each suspicious prefix may bring `TRAP_BUDGET` pages, and what comes after them is
   ruled out with the name of the trap and its prefix. Only a path deeper than `MAX_PATH_DEPTH` is one at once.
2. What is suspicious is a function of the URL, of where it was found, and of the year of the job: no clock, no network.
3. One content under very many URLs of a prefix closes that prefix, when most of its pages show nothing else.
"""

import re
from collections import Counter
from typing import Final, NamedTuple

#: Pages that a suspicious prefix may bring.
TRAP_BUDGET: Final = 200
#: Segments of a path; what lies deeper is no page that somebody has put there.
MAX_PATH_DEPTH: Final = 20
#: So many links away from the start a chain of numbers is suspicious.
_LONG_CHAIN: Final = 20
_LEAST_REPEATS: Final = 3
#: A query of more parameters, or of one name so often, is one of many combinations.
_MANY_PARAMETERS: Final = 8
_LONG_QUERY: Final = 512
_FIRST_YEAR: Final = 1970
_MONTHS: Final = 12

_SESSION: Final = re.compile(
    r"[;?&](?:(?:php|j|asp)?_?sess(?:ion)?_?id|aspsessionid\w*|sid|cfid|cftoken|zenid|oscsid)=|/\([sS]\(\w{16,}\)\)/",
    re.IGNORECASE,
)
#: A date at the end of a path: a month or a day, not an article that has a date in its address.
_DATED_PATH: Final = re.compile(r"^(?P<before>.*?/)(?P<year>\d{4})[/-](?P<month>\d{1,2})(?:[/-]\d{1,2})?/?$")
_DATED_QUERY: Final = re.compile(
    r"(?:^|&)(?:(?:date|day|month|year|week|ym|yr|mon|cal\w*)=\d|\w+=\d{4}-\d{1,2}(?:-\d{1,2})?(?:&|$))", re.IGNORECASE
)
_CALENDAR: Final = re.compile(r"/(?:[^/]*calendar[^/]*|cal|events?|agenda|schedule)/", re.IGNORECASE)
_DIGITS: Final = re.compile(r"\d+")


class Suspicion(NamedTuple):
    """A trap that a URL may belong to, and the prefix whose pages are counted."""

    trap: str
    prefix: str


def suspect(url: str, *, year: int, depth: int = 0, parent: str | None = None) -> Suspicion | None:
    """Tell what a canonical URL may be caught in; None for the usual URL.

    Args:
        url: Canonical.
        year: The year of the job: calendars go on after it.
        depth: Links from a start URL.
        parent: Where the URL was found.
    """
    place, _, query = url.partition("?")
    origin, path = _split(place)
    found = _suspect_path(path, year) or (_suspect_query(path, query, place, parent) if query else None)
    if (query or ";" in path or "/(" in path) and _SESSION.search(url):
        found = Suspicion("session_id", "/")
    if found is None and depth > _LONG_CHAIN and parent is not None and _is_next_of(url, parent):
        found = Suspicion("endless_chain", path.rpartition("/")[0] + "/")
    return None if found is None else Suspicion(found.trap, origin + found.prefix)


class TrapGuard:
    """Counts what suspicious prefixes have brought."""

    def __init__(self, *, year: int) -> None:
        """Judge for a job of that *year*."""
        self._year = year
        self._admitted: Counter[Suspicion] = Counter()
        self._texts: Counter[str] = Counter()
        self._repeats: Counter[tuple[str, str]] = Counter()
        self._pages: Counter[str] = Counter()
        self._closed: set[str] = set()

    def admit(self, url: str, *, depth: int, parent: str | None) -> str | None:
        """Count a URL that is about to join the queue, or give the rule that keeps it out."""
        if url.count("/") > MAX_PATH_DEPTH + 2:
            return f"path_depth: over {MAX_PATH_DEPTH} segments under {'/'.join(url.split('/')[:6])}/"
        closed = next((prefix for prefix in _ancestors(url) if prefix in self._closed), None) if self._closed else None
        if closed is not None:
            return f"equal_content: {closed} shows one content again and again"
        found = suspect(url, year=self._year, depth=depth, parent=parent)
        if found is None:
            return None
        if self._admitted[found] >= TRAP_BUDGET:
            return f"{found.trap}: over {TRAP_BUDGET} pages under {found.prefix}"
        self._admitted[found] += 1
        return None

    def saw(self, url: str, text: str) -> None:
        """Take note of a page that was fetched; *text* names its content."""
        self._texts[text] += 1
        for prefix in _ancestors(url):
            self._pages[prefix] += 1
            if self._texts[text] < _LEAST_REPEATS:
                continue
            self._repeats[prefix, text] += 1
            repeats = self._repeats[prefix, text]
            if repeats >= TRAP_BUDGET and 2 * repeats >= self._pages[prefix]:
                self._closed.add(prefix)


def _split(place: str) -> tuple[str, str]:
    """Give origin and path of a URL without query."""
    cut = place.index("/", len("https://"))
    return place[:cut], place[cut:]


def _suspect_path(path: str, year: int) -> Suspicion | None:
    segments = path.split("/")[1:]
    if len(segments) - len(set(segments)) >= _LEAST_REPEATS - 1:
        segment, count = Counter(segments).most_common(1)[0]
        if count >= _LEAST_REPEATS:
            return Suspicion("repeated_segments", path[: path.index(f"/{segment}/") + len(segment) + 2])
    ends_with_number = path[-2:].rstrip("/")[-1:].isdecimal()
    dated = _DATED_PATH.match(path) if ends_with_number else None
    if dated is None or not 1 <= int(dated["month"]) <= _MONTHS:
        return None
    is_calendar = _CALENDAR.search(dated["before"]) or not _FIRST_YEAR <= int(dated["year"]) <= year + 1
    return Suspicion("calendar", dated["before"]) if is_calendar else None


def _suspect_query(path: str, query: str, place: str, parent: str | None) -> Suspicion | None:
    if _DATED_QUERY.search(query):
        return Suspicion("calendar", f"{path}?")
    parameters = query.split("&")
    most = max(Counter(part.partition("=")[0] for part in parameters).values())
    if most >= _LEAST_REPEATS or len(parameters) > _MANY_PARAMETERS or len(query) > _LONG_QUERY:
        return Suspicion("growing_query", f"{path}?")
    return Suspicion("growing_query", f"{path}?") if _has_grown(set(parameters), place, parent) else None


def _has_grown(parameters: set[str], place: str, parent: str | None) -> bool:
    """Whether the page that links here has the same path, and of these parameters all but some."""
    if parent is None:
        return False
    before, mark, query = parent.partition("?")
    return bool(mark) and before == place and set(query.split("&")) < parameters


def _is_next_of(url: str, parent: str) -> bool:
    """Whether the two differ in numbers, or in their query, only."""
    place, mark, _ = url.partition("?")
    if mark and place == parent.partition("?")[0]:
        return True
    return _DIGITS.sub("0", url) == _DIGITS.sub("0", parent)


def _ancestors(url: str) -> list[str]:
    """Give the folders that hold the URL, the nearest first; of a URL with a query, its path too."""
    place, mark, _ = url.partition("?")
    found = [f"{place}?"] if mark else []
    cut = place.rfind("/") + 1
    while cut > len("https://"):
        found.append(place[:cut])
        cut = place.rfind("/", 0, cut - 1) + 1
    return found
