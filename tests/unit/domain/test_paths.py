"""Where pages lie: unique, safe everywhere, independent of the order of the crawl."""

import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.domain.paths import (
    LIBRARY_NAME,
    MAX_PATH_BYTES,
    MAX_SEGMENT_BYTES,
    library_name_from,
    page_path,
    path_key,
    resolve_collisions,
)

SITE = "https://docs.example.com"
segments = st.text(min_size=0, max_size=30)
urls = st.lists(segments, max_size=5).map(
    lambda parts: f"{SITE}/" + "/".join(quote(p, safe="") for p in parts if p.isprintable())
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/library/json.html", "library/json.md"),
        ("/guide/", "guide/index.md"),
        ("/intro", "intro.md"),
        ("/", "index.md"),
        ("", "index.md"),
        ("/v1.2/api", "v1.2/api.md"),
        ("/v1.2", "v1.2.md"),
        ("/docs/README.md", "docs/README.md"),
        ("/gew%C3%A4chshaus.html", "gew\u00e4chshaus.md"),
        ("/gewa%CC%88chshaus.html", "gew\u00e4chshaus.md"),
        ("/caf%E9.html", "caf%E9.md"),
        ("/a%2Fb.html", "a_b.md"),
        ("/a%5C..%5Cb", "a_.._b.md"),
        ("/.git/config", "_git/config.md"),
        ("/%2e%2e/%2e%2e/etc/passwd", "__/__/etc/passwd.md"),
        ("/con.html", "con_.md"),
        ("/COM1/aux.txt", "COM1_/aux_.txt.md"),
        ("/dots...", "dots___.md"),
        ("/a//b", "a/_/b.md"),
        ("/-rf", "_rf.md"),
        ("/what%3F%0A%1b%5b31m", "what___[31m.md"),
        ("/a.md/b", "a.md_/b.md"),
        ("/%E2%80%AEtxt.exe", "_txt.exe.md"),
    ],
)
def test_a_url_becomes_the_path_a_reader_would_guess_and_nothing_dangerous(path: str, expected: str) -> None:
    """Names come from strangers."""
    assert page_path(SITE + path) == expected


def test_a_query_makes_another_file() -> None:
    """`?page=2` is another page."""
    plain, second, third = (page_path(f"{SITE}/changelog.html{query}") for query in ("", "?page=2", "?page=3"))

    assert plain == "changelog.md"
    assert re.fullmatch(r"changelog-[0-9a-f]{8}\.md", second)
    assert second != third


def test_pages_of_another_host_lie_in_a_folder_of_their_own() -> None:
    """Two hosts have an index each."""
    assert page_path(f"{SITE}/a", "docs.example.com") == "a.md"
    assert page_path("https://api.example.com/a", "docs.example.com") == "api.example.com/a.md"
    assert page_path("http://127.0.0.1:8000/a", "docs.example.com") == "127.0.0.1-8000/a.md"


def test_no_path_is_too_long_for_any_file_system() -> None:
    """A URL may have 2,048 characters; a file name may not."""
    long_name = page_path(f"{SITE}/{'x' * 1900}")
    deep = page_path(f"{SITE}/{'a/' * 1000}end.html")
    wide = page_path(f"{SITE}/{quote('温' * 200)}.html")

    assert all(len(part.encode()) <= MAX_SEGMENT_BYTES for path in (long_name, deep, wide) for part in path.split("/"))
    assert all(len(path.encode()) <= MAX_PATH_BYTES for path in (long_name, deep, wide))
    assert deep != page_path(f"{SITE}/{'a/' * 1001}end.html")
    assert long_name != page_path(f"{SITE}/{'x' * 1899}")


def test_urls_that_want_the_same_file_are_told_apart_whatever_their_order() -> None:
    """`/guide/` and `/guide/index.html`, `/Readme` and `/readme`: the shortest, then least, keeps the plain path."""
    wanted = [f"{SITE}{path}" for path in ("/guide/", "/guide/index.html", "/readme", "/Readme", "/readme.html", "/x")]
    paths = resolve_collisions(wanted)

    assert paths[f"{SITE}/guide/"] == "guide/index.md"
    assert re.fullmatch(r"guide/index-[0-9a-f]{8}\.md", paths[f"{SITE}/guide/index.html"])
    assert paths[f"{SITE}/Readme"] == "Readme.md"
    assert resolve_collisions(reversed(wanted)) == paths
    assert len({path_key(path) for path in paths.values()}) == len(wanted)


def test_a_name_that_looks_like_a_suffix_is_no_collision() -> None:
    """The suffixed name may be a page of the site as well."""
    rivals = [f"{SITE}/a", f"{SITE}/a.html"]
    suffixed = resolve_collisions(rivals)[f"{SITE}/a.html"]
    paths = resolve_collisions([*rivals, f"{SITE}/{suffixed}"])

    assert len(set(paths.values())) == 3
    assert paths[f"{SITE}/{suffixed}"] == suffixed


@given(st.lists(urls, max_size=20))
def test_every_url_has_its_own_visible_file_inside_the_folder(some: list[str]) -> None:
    """The law, for any site."""
    paths = resolve_collisions(some)

    assert set(paths) == set(some)
    assert len({path_key(path) for path in paths.values()}) == len(paths)
    for path in paths.values():
        parts = path.split("/")
        assert path.endswith(".md")
        assert all(part and part[0] not in ".~-" and part[-1] not in ". " and part.isprintable() for part in parts)
        assert all(not set(part) & set('<>:"\\|?*') and len(part.encode()) <= MAX_SEGMENT_BYTES for part in parts)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://docs.example.com/", "docs.example.com"),
        ("https://docs.example.com/index.html", "docs.example.com"),
        ("https://docs.example.com/guide/", "docs.example.com-guide"),
        ("https://docs.example.com/guide/intro.html", "docs.example.com-guide-intro"),
        ("https://docs.python.org/3/", "docs.python.org-3"),
        ("http://127.0.0.1:8000/docs/", "127.0.0.1-8000-docs"),
        ("http://[::1]:8000/", "1--8000"),
        ("https://h.example/A/B/", "h.example-a-b"),
    ],
)
def test_a_library_is_named_after_its_start(url: str, name: str) -> None:
    """Two starts on a host are two libraries."""
    assert library_name_from(url) == name


@given(urls)
def test_a_library_name_is_always_a_safe_name(url: str) -> None:
    """It is a folder, and a part of URLs."""
    assert LIBRARY_NAME.fullmatch(library_name_from(url))


def test_a_name_that_lost_something_says_so_by_a_hash() -> None:
    """Otherwise `/ä/` and `/ö/` would be one library."""
    first, second = (library_name_from(f"{SITE}/{quote(letter)}/") for letter in "äö")

    assert first != second
    assert library_name_from(f"{SITE}/?a=1") != library_name_from(f"{SITE}/?a=2")
    assert len(library_name_from(f"{SITE}/{'x/' * 200}")) <= 80
