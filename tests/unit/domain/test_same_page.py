"""Which URLs are one page, and which of them is shown: over all of them, so that no order matters."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.domain.same_page import MOST_DECLARED, Fetched, SamePages, choose, twin_key

H = "https://h.example"


def _fetched(path: str, body: str, *, final: str | None = None, canonical: str | None = None) -> Fetched:
    return Fetched(f"{H}{path}", f"{H}{final or path}", body, f"{H}{canonical}" if canonical else None)


def _arrivals(pages: tuple[Fetched, ...]) -> list[str | None]:
    same, found = SamePages(), []
    for page in pages:
        found.append(same.first_of(page))
        same.add(page)
    return found


@pytest.mark.parametrize(
    ("pages", "shown", "source"),
    [
        ([_fetched("/d/index.html", "b"), _fetched("/d/", "b")], "/d/", "/d/"),
        ([_fetched("/bb", "b"), _fetched("/ba", "b")], "/ba", "/ba"),
        ([_fetched("/a", "b", canonical="/long"), _fetched("/long", "b")], "/long", "/long"),
        ([_fetched("/a", "x", canonical="/long"), _fetched("/long", "y")], "/long", "/long"),
        ([_fetched("/a?print", "x", canonical="/b"), _fetched("/c", "y", canonical="/b")], "/c", "/c"),
        ([_fetched("/old", "x", final="/new-name"), _fetched("/new-name", "y")], "/new-name", "/new-name"),
        ([_fetched("/old", "x", final="/new"), _fetched("/older", "y", final="/new")], "/new", "/old"),
        ([_fetched("/x", "1", canonical="/yy"), _fetched("/yy", "2", canonical="/x")], "/x", "/x"),
        ([_fetched("/1", "1", canonical="/22"), _fetched("/22", "2", canonical="/333"),
          _fetched("/333", "3", canonical="/333")], "/333", "/333"),
    ],
)  # fmt: skip
def test_one_page_is_shown_whoever_came_first(pages: list[Fetched], shown: str, source: str) -> None:
    """The declared canonical address, else the shortest, else the least; in the stream one of them is fetched."""
    for order in permutations(pages):
        (found,) = choose(order)

        assert (found.url, found.source) == (f"{H}{shown}", f"{H}{source}")
        assert set(found.others) == {url for page in pages for url in page[:2]} - {found.url}
        assert None in _arrivals(order)
        assert _arrivals(order).count(None) == 1 or len(pages) > 2, "what joins two pages may come after both"


def test_pages_that_share_nothing_stay_apart() -> None:
    """A canonical address of its own joins a page to nobody."""
    pages = (_fetched("/a", "1", canonical="/a"), _fetched("/b", "2"), _fetched("/c", "3", canonical="/elsewhere"))

    assert [shown.url for shown in choose(pages)] == [page.url for page in pages]
    assert _arrivals(pages) == [None, None, None]


_PATHS = st.sampled_from(["/a", "/b", "/c/", "/c/index.html", "/d"])


@given(st.dictionaries(_PATHS, st.tuples(_PATHS, st.integers(0, 3), st.none() | _PATHS, st.integers(0, 2)), max_size=5))
def test_what_shares_a_name_is_together_and_nothing_else(site: dict[str, tuple[str, int, str | None, int]]) -> None:
    """One page for all that lead from one to the next, by body, address, canonical address, or equal twin."""
    pages = [_fetched(path, str(body), final=final, canonical=said) for path, (final, body, said, _) in site.items()]
    contents = {f"{H}{path}": str(text) for path, (*_, text) in site.items()}
    names = {
        page.url: {page.url, page.final_url, page.canonical or page.url, page.body_hash,
                   f"{twin_key(page.final_url)} {contents[page.url]}"}
        for page in pages
    }  # fmt: skip
    groups: list[set[str]] = []
    for name in names.values():
        near = [group for group in groups if group & name]
        groups = [group for group in groups if not group & name] + [name.union(*near)]
    shown = [{page.url, page.source, *page.others} for page in choose(pages, contents=contents)]

    assert len(shown) == len(groups)
    assert all(any(urls <= group for group in groups) for urls in shown)


def test_a_site_that_declares_its_home_page_everywhere_is_not_believed() -> None:
    """A usual mistake of a template, and it would make one page of a whole manual."""
    home = _fetched("/", "home", canonical="/")
    pages = [_fetched(f"/{number}", f"{number}", canonical="/") for number in range(MOST_DECLARED + 1)]
    variants = [_fetched(f"/?sort={number}", f"v{number}", canonical="/") for number in range(30)]

    assert len(list(choose([home, *pages]))) == 1 + len(pages)
    assert len(list(choose([home, *pages[:-1]]))) == 1
    assert len(list(choose([home, *variants]))) == 1, "the same path with another query is believed"


def test_twins_whose_bodies_differ_in_what_nobody_sees_are_one_page() -> None:
    """A nonce in the head makes two bodies of one page."""
    pages = [_fetched("/d/index.html", "1"), _fetched("/d/", "2"), _fetched("/other/", "3"), _fetched("/d", "4")]
    contents = {page.url: "text" for page in pages}

    assert [shown.url for shown in choose(pages, contents=contents)] == [f"{H}/d", f"{H}/other/"]
    assert len(list(choose(pages, contents={**contents, f"{H}/d": "else"}))) == 3


def test_what_was_not_processed_is_shown_only_when_nothing_else_is_there() -> None:
    """The best name is of no use without a text."""
    pages = [_fetched("/a", "b"), _fetched("/bbb", "b")]

    assert [shown.url for shown in choose(pages, contents={f"{H}/bbb": "t"})] == [f"{H}/bbb"]
    assert [shown.source for shown in choose(pages, contents={})] == [f"{H}/a"]


def test_a_page_is_no_duplicate_of_itself() -> None:
    """It may be fetched again after a kill."""
    same = SamePages()
    page = _fetched("/a", "b")
    same.add(page)

    assert same.first_of(page) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://www.h.example/a/index.html", "http://h.example/a/"),
        ("https://h.example/a", "https://h.example/a/"),
        ("https://h.example/a/?q=1", "https://h.example/a/index.php?q=1"),
        ("https://h.example", "https://h.example/default.aspx"),
    ],
)
def test_the_usual_twins_share_a_key(one: str, other: str) -> None:
    """Slash, index, www and scheme."""
    assert twin_key(one) == twin_key(other)
    assert twin_key(one) != twin_key(one + "x")
