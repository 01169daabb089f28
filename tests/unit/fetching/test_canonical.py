"""Canonical URLs: one page, one spelling, and never another host."""

import can_ada
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runnel.fetching.canonical import MAX_URL_LENGTH, Spelling, canonicalize, host_key, url_hash


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTPS://Docs.Example.COM:443/a/../b#part", "https://docs.example.com/b"),
        ("http://h", "http://h/"),
        ("http://h:80/", "http://h/"),
        ("http://h:8080/", "http://h:8080/"),
        ("http://h/?b=2&a=1", "http://h/?b=2&a=1"),
        ("http://h/?utm_source=x&a=1&GCLID=y", "http://h/?a=1"),
        ("http://h/p?fbclid=1", "http://h/p"),
        ("http://h/p?", "http://h/p"),
        ("http://h/utm_source=1", "http://h/utm_source=1"),
        ("http://h/a b/ä", "http://h/a%20b/%C3%A4"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("\n http://h/x\t", "http://h/x"),
        ("http://h/\ud800", "http://h/%EF%BF%BD"),
    ],
)
def test_two_spellings_of_a_page_become_one(url: str, expected: str) -> None:
    """Each spelling more is a page fetched twice."""
    assert canonicalize(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "docs.example.com",
        "/only/a/path",
        "ftp://h/x",
        "javascript:alert(1)",
        "mailto:a@h",
        "data:text/html,x",
        "http://",
        "http://h:99999/",
        "http://user:secret@h/",
        "http://user@h/",
        "http://a b/",
        "http://h/" + "x" * MAX_URL_LENGTH,
    ],
)
def test_what_cannot_be_crawled_is_none_and_never_an_exception(url: str) -> None:
    """Pages are full of such links."""
    assert canonicalize(url) is None


@pytest.mark.parametrize("url", ["http://0177.0.0.1/", "http://0x7f.1/", "http://2130706433/", "http://127.1/"])
def test_every_encoding_of_an_address_is_written_out(url: str) -> None:
    """The address guard judges the plain form, so no encoding may pass it."""
    assert canonicalize(url) == "http://127.0.0.1/"


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("../c?x#f", "https://h/c?x"),
        ("//other/x", "https://other/x"),
        ("#top", "https://h/a/b"),
        ("?q", "https://h/a/b?q"),
    ],
)
def test_a_link_is_read_relative_to_its_page(link: str, expected: str) -> None:
    """Links are written relative to the page they stand on."""
    assert canonicalize(link, base="https://h/a/b") == expected


def test_a_link_of_a_page_without_a_usable_address_is_none() -> None:
    """A broken base must not stop the page."""
    assert canonicalize("x", base="nonsense") is None


URL_TEXT = st.text(alphabet=st.sampled_from("ahx.:/?#&=%@[]\\ \t-_~ä\u2028\ud8001267utm_"), max_size=60)


@given(URL_TEXT)
@example("?&utm_x=1")
@example("a//../b?&&utm_a")
def test_canonical_forms_are_final_and_stay_on_their_host(text: str) -> None:
    """The queue compares canonical forms; the address guard and the scope rely on the host."""
    for url in (f"http://h{text}", f"https://h/{text}", text):
        once = canonicalize(url)
        if once is None:
            continue

        assert canonicalize(once) == once
        assert can_ada.parse(once).host == can_ada.parse(url.replace("\ud800", "\ufffd")).host
        assert "#" not in once
        assert once.isascii()


@given(URL_TEXT)
def test_a_link_means_the_same_from_the_pages_raw_and_canonical_address(link: str) -> None:
    """Else a page would have other links after a redirect to itself."""
    raw = "HTTP://H:80/a/./b?utm_source=x#top"
    from_raw = canonicalize(link, base=raw)

    assert canonicalize(link, base="http://h/a/b") == from_raw


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://h/", "h:80"),
        ("https://h/x:9", "h:443"),
        ("http://h:8080/", "h:8080"),
        ("http://[::1]/", "[::1]:80"),
        ("http://[::1]:9/", "[::1]:9"),
    ],
)
def test_the_host_key_always_names_the_port(url: str, key: str) -> None:
    """Budgets and robots.txt belong to host and port."""
    assert host_key(url) == key


def test_the_hash_of_a_url_is_stable_and_short() -> None:
    """It is a key of stored items: a change would orphan them."""
    assert url_hash("https://h/") == "80274ad418ff7791b20f9a8922a43d3c"
    assert url_hash("https://h/") != url_hash("https://h/x")


@pytest.mark.parametrize(
    ("url", "spelled"),
    [
        ("https://h/p?b=2&a=1", "https://h/p?a=1&b=2"),
        ("https://h/p?b=2&sid=9&a=1#x", "https://h/p?a=1&b=2"),
        ("https://h/p?sid=9", "https://h/p"),
        ("https://h/p?a=2&a=1", "https://h/p?a=2&a=1"),
        ("https://h/p?view_x=1&SID=2", "https://h/p?SID=2"),
        ("https://h/p?Ref=1", "https://h/p"),
        ("mailto:x", None),
    ],
)
def test_a_job_has_one_spelling(url: str, spelled: str | None) -> None:
    """What its sources say does not matter is gone, and so is the order; names are told apart by case."""
    spelling = Spelling(ignored=("sid", "view_*"), tracking=frozenset({"ref"}))

    assert spelling.of(url) == spelled


def test_without_a_word_of_the_source_the_order_stays() -> None:
    """It may choose the page; a further tracking parameter is dropped from it."""
    assert Spelling().of("https://h/p?b=2&a=1") == "https://h/p?b=2&a=1"
    assert Spelling(tracking=frozenset({"ref"})).of("https://h/p?b=2&REF=7&a=1") == "https://h/p?b=2&a=1"
    assert Spelling(ignored=("*",)).of("https://h/p?b=2&a=1") == "https://h/p"
