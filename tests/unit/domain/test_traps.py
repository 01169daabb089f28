"""Traps: what is suspicious, what a suspicious prefix may bring, and that real manuals are not."""

from pathlib import Path

import pytest

from runnel.domain.traps import MAX_PATH_DEPTH, TRAP_BUDGET, TrapGuard, suspect

H = "https://h.example"
YEAR = 2026


def _trap(path: str, **fields: object) -> tuple[str, str] | None:
    found = suspect(f"{H}{path}", year=YEAR, **fields)  # type: ignore[arg-type]
    return None if found is None else (found.trap, found.prefix.removeprefix(H))


@pytest.mark.parametrize(
    ("path", "prefix"),
    [
        ("/docs/guide/api/guide/api/guide/", "/docs/guide/"),
        ("/a/a/a", "/a/"),
        ("/x/y/z/y/q/y/r", "/x/y/"),
    ],
)
def test_segments_that_come_again_and_again_are_suspicious(path: str, prefix: str) -> None:
    """A relative link without its slash makes a folder in a folder in a folder."""
    assert _trap(path) == ("repeated_segments", prefix)


@pytest.mark.parametrize(
    ("path", "prefix"),
    [
        ("/events/2026/11/", "/events/"),
        ("/site-calendar/2026-11-03", "/site-calendar/"),
        ("/archive/2031/05", "/archive/"),
        ("/archive/1925/05/17/", "/archive/"),
        ("/x?month=5&year=2026", "/x?"),
        ("/x?a=1&when=2026-05-01", "/x?"),
    ],
)
def test_calendars_are_suspicious(path: str, prefix: str) -> None:
    """There is always a next month."""
    assert _trap(path) == ("calendar", prefix)


@pytest.mark.parametrize(
    "path", ["/a;jsessionid=0A?b", "/a?PHPSESSID=1", "/a?x=1&sid=2", "/(S(abcdefghij0123456789))/a"]
)
def test_session_ids_are_suspicious(path: str) -> None:
    """Every visit gets a new copy of the whole site."""
    assert _trap(path) == ("session_id", "/")


@pytest.mark.parametrize(
    ("path", "parent"),
    [
        ("/s?a=1&b=2", "/s?a=1"),
        ("/s?c=3&a=1&b=2", "/s?b=2&c=3"),
        ("/s?f=1&f=2&f=3", None),
        ("/s?" + "&".join(f"p{n}=1" for n in range(9)), None),
        ("/s?q=" + "x" * 600, None),
    ],
)
def test_queries_that_grow_are_suspicious(path: str, parent: str | None) -> None:
    """Each filter of a list can be combined with each other one."""
    assert _trap(path, parent=parent and H + parent) == ("growing_query", "/s?")


@pytest.mark.parametrize(
    ("path", "parent"), [("/n/page-31.html", "/n/page-30.html"), ("/n/list?at=a7", "/n/list?at=zz")]
)
def test_a_long_chain_of_numbers_is_suspicious(path: str, parent: str) -> None:
    """`next`, `next`, `next`: suspicious only far from the start."""
    assert _trap(path, parent=H + parent, depth=21) == ("endless_chain", "/n/")
    assert _trap(path, parent=H + parent, depth=20) is None


@pytest.mark.parametrize(
    "path",
    [
        "/", "/docs/", "/blog/2024/05/01/how-we-did-it", "/2024/05/", "/changelog/2026-03-01.html", "/a/b/a/b/c",
        "/index.php?option=com_content&view=article&id=5", "/viewtopic.php?f=2&t=93&start=15", "/w/index.php?title=X",
        "/x?page=3", "/release/2024/13/", "/api/v1.2/java/util/java/x.html", "/css/?side=left",
    ],
)  # fmt: skip
def test_usual_addresses_are_not_suspicious(path: str) -> None:
    """A page that is missing is worse than one too many."""
    assert _trap(path, parent=f"{H}/index.php?option=com_content&view=article&id=3", depth=9) is None


def test_a_suspicious_prefix_has_its_budget() -> None:
    """What comes after it names the trap and the prefix; its neighbours have budgets of their own."""
    guard = TrapGuard(year=YEAR)
    urls = [f"{H}/cal?month={n}" for n in range(TRAP_BUDGET + 3)]
    rules = [guard.admit(url, depth=1, parent=None) for url in urls]

    assert rules[:TRAP_BUDGET] == [None] * TRAP_BUDGET
    assert set(rules[TRAP_BUDGET:]) == {f"calendar: over {TRAP_BUDGET} pages under {H}/cal?"}
    assert guard.admit(f"{H}/other?month=1", depth=1, parent=None) is None
    assert guard.admit(f"{H}/page", depth=1, parent=None) is None


def test_a_path_deeper_than_any_page_is_a_trap_at_once() -> None:
    """Nobody puts pages there."""
    guard = TrapGuard(year=YEAR)
    deepest = H + "".join(f"/{n}" for n in range(MAX_PATH_DEPTH))

    assert guard.admit(deepest, depth=1, parent=None) is None
    assert guard.admit(f"{deepest}/x", depth=1, parent=None) == f"path_depth: over 20 segments under {H}/0/1/2/"


def test_one_content_under_endless_addresses_closes_its_folder() -> None:
    """The folder beside it stays open, and so does one that has shown other things too."""
    guard = TrapGuard(year=YEAR)
    for number in range(TRAP_BUDGET - 1):
        guard.saw(f"{H}/docs/{number}", f"text {number}")
        guard.saw(f"{H}/maze/{number}/x", "the same")
    assert guard.admit(f"{H}/maze/new/x", depth=1, parent=None) is None
    for number in range(3):
        guard.saw(f"{H}/maze/b{number}/x", "the same")

    rule = guard.admit(f"{H}/maze/new/x", depth=1, parent=None)
    assert rule == f"equal_content: {H}/maze/ shows one content again and again"
    assert guard.admit(f"{H}/docs/new", depth=1, parent=None) is None


@pytest.mark.parametrize("root", ["/usr/share/doc/python3.11/html", "/usr/share/doc/postgresql-doc-15/html"])
def test_no_page_of_a_real_manual_is_suspicious(root: str) -> None:
    """Each file, with every other of its folder as its parent far from the start would be."""
    pages = sorted(Path(root).rglob("*.html"))
    if not pages:
        pytest.skip(f"{root} is not installed")
    guard = TrapGuard(year=YEAR)
    parent = None
    for page in pages:
        url = f"{H}/{page.relative_to(root)}"

        assert guard.admit(url, depth=20, parent=parent) is None
        parent = url
