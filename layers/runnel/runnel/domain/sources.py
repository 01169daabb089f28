"""The sources of a library: their ids, and what may stand beside what.

Laws (tests/unit/domain/test_sources.py):
1. An id is a file's name and a part of URLs: letters, digits, `.`, `_`, `-`.
2. No two sources of a library have one id, or begin at one page, however its address is spelled.
3. A start URL that a library knows keeps its source; a new one gets a source of its own, so that no crawl of it
   replaces the pages of another.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from runnel.domain.jobs import DEFAULT_SOURCE, Source
from runnel.domain.paths import LIBRARY_NAME
from runnel.errors import InputInvalid, SourceExists

_SOURCE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
#: The names of a folder's own page.
_INDEX: Final = re.compile(r"(index|default)\.[a-z]{2,5}", re.IGNORECASE)
#: Sources of one library; its record must stay small.
MOST_SOURCES: Final = 500


def check_library_name(name: str) -> str:
    """*name* itself; raises `InputInvalid` when no library can be called so."""
    if not LIBRARY_NAME.fullmatch(name):
        raise InputInvalid(
            f"library: {name[:120]!r} cannot be a library's name; it takes letters, digits, '.', '_' and '-',"
            " at most 100, and begins with a letter or a digit."
        )
    return name


def check_source_id(source_id: str) -> str:
    """*source_id* itself; raises `InputInvalid` when no source can be called so."""
    if not _SOURCE_ID.fullmatch(source_id):
        raise InputInvalid(
            f"source_id: {source_id[:120]!r} cannot be the id of a source; it takes letters, digits, '.', '_' and '-',"
            " at most 100, and begins with a letter or a digit."
        )
    return source_id


def check_sources(sources: Iterable[Source]) -> tuple[Source, ...]:
    """The *sources* themselves; raises `SourceExists`, `InputInvalid` when they cannot stand beside each other."""
    checked: tuple[Source, ...] = ()
    for source in sources:
        checked = put_source(checked, source, may_replace=False)
    return checked


def put_source(sources: tuple[Source, ...], source: Source, *, may_replace: bool) -> tuple[Source, ...]:
    """The *sources* with *source* among them, in its place if its id is there and it *may_replace* that one.

    Raises:
        SourceExists: another source has its id, or begins at the same page.
        InputInvalid: the id cannot be one, or there are too many.
    """
    check_source_id(source.source_id)
    for other in sources:
        if other.source_id != source.source_id and _start_key(other.url) == _start_key(source.url):
            raise SourceExists(f"The source {other.source_id!r} begins at {other.url} already.")
    known = next((other for other in sources if other.source_id == source.source_id), None)
    if known is None:
        if len(sources) >= MOST_SOURCES:
            raise InputInvalid(f"sources: a library has at most {MOST_SOURCES}.")
        return (*sources, source)
    if known.url != source.url and not may_replace:
        raise SourceExists(f"There is a source {source.source_id!r} already: {known.url}.")
    return tuple(source if other is known else other for other in sources)


def name_sources(urls: Sequence[str], known: tuple[Source, ...]) -> tuple[Source, ...]:
    """A source for each of the canonical start *urls* of a job, into a library that has the *known* ones."""
    named: list[Source] = []
    for url in urls:
        key = _start_key(url)
        if any(_start_key(source.url) == key for source in named):
            continue
        before = next((source for source in known if _start_key(source.url) == key), None)
        source_id = before.source_id if before else free_id([*known, *named])
        named.append(Source(source_id=source_id, url=url))
    return tuple(named)


def begin_alike(one: Source, other: Source) -> bool:
    """Whether both begin at one page, however its address is spelled."""
    return _start_key(one.url) == _start_key(other.url)


def free_id(sources: Iterable[Source]) -> str:
    """An id that none of the *sources* has: `main`, `source-2`, `source-3` and so on."""
    taken = {source.source_id for source in sources}
    if DEFAULT_SOURCE not in taken:
        return DEFAULT_SOURCE
    return next(name for number in range(2, len(taken) + 3) if (name := f"source-{number}") not in taken)


def _start_key(url: str) -> str:
    """What spellings of one start share: scheme, `www.`, `index.html`; a slash at the end makes another directory."""
    place, mark, query = url.partition("://")[2].removeprefix("www.").partition("?")
    folder, slash, name = place.rpartition("/")
    return f"{folder}{slash}{'' if _INDEX.fullmatch(name) else name}{mark}{query}"
