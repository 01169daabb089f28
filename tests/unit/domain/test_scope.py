"""Scope: which URLs belong to a crawl, and the rule that says so."""

import pytest

from runnel.domain.globs import compile_glob
from runnel.domain.payloads import ScopeRules
from runnel.domain.scope import Scope, Territories, can_match, has_moved, registrable_domain

START = "https://docs.example.com/guide/intro.html"


def reason_of(scope: Scope, url: str) -> str | None:
    """The reason alone."""
    ruling = scope.judge(url)
    return None if ruling is None else str(ruling.reason)


@pytest.mark.parametrize(
    ("url", "is_in"),
    [
        ("https://docs.example.com/guide/", True),
        ("https://docs.example.com/guide/a/b?x=1", True),
        ("http://docs.example.com/guide/a", True),
        ("https://docs.example.com/guide", False),
        ("https://docs.example.com/guidebook/", False),
        ("https://docs.example.com/", False),
        ("https://docs.example.com:8443/guide/", False),
        ("https://evil.example/docs.example.com/guide/", False),
        ("https://docs.example.com.evil.example/guide/", False),
    ],
)
def test_the_default_is_the_start_urls_directory_on_its_host(url: str, is_in: bool) -> None:  # noqa: FBT001
    """One manual, not the whole company."""
    assert (Scope(starts=(START,)).judge(url) is None) == is_in


@pytest.mark.parametrize(
    ("kind", "url", "is_in"),
    [
        ("hostname", "https://docs.example.com/other", True),
        ("hostname", "https://api.example.com/", False),
        ("domain", "https://api.example.com/x", True),
        ("domain", "https://example.com/", True),
        ("domain", "https://example.org/", False),
        ("domain", "https://notexample.com/", False),
    ],
)
def test_wider_scopes_take_the_host_or_the_domain(kind: str, url: str, is_in: bool) -> None:  # noqa: FBT001
    """Some manuals are spread over hosts."""
    scope = Scope.of(ScopeRules(start_urls=(START,), scope=kind))

    assert (scope.judge(url) is None) == is_in


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("a.b.example.com", "example.com"),
        ("example.com", "example.com"),
        ("docs.example.co.uk", "example.co.uk"),
        ("requests.readthedocs.io", "requests.readthedocs.io"),
        ("a.me.github.io", "me.github.io"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("localhost", "localhost"),
        ("example.com.", "example.com"),
    ],
)
def test_strangers_under_a_shared_suffix_are_not_one_domain(host: str, domain: str) -> None:
    """`domain` on readthedocs.io must not mean all manuals of the world."""
    assert registrable_domain(host) == domain


def test_further_domains_belong_to_it_with_their_subdomains() -> None:
    """As the option says."""
    scope = Scope(starts=(START,), allow_domains=("API.example.org",))

    assert reason_of(scope, "https://api.example.org/x") is None
    assert reason_of(scope, "https://v2.api.example.org:8443/x") is None
    assert reason_of(scope, "https://example.org/x") == "out_of_scope"


def test_exclude_wins_over_include_and_over_the_start() -> None:
    """So that a user can always keep something out."""
    scope = Scope(starts=(START,), include=("/guide/**",), exclude=("**/old/**", "**/intro.html"))

    assert reason_of(scope, "https://docs.example.com/guide/new/x") is None
    assert scope.judge("https://docs.example.com/guide/old/x") == ("excluded", "exclude **/old/**")
    assert reason_of(scope, START) == "excluded"


def test_include_chooses_pages_but_the_start_is_always_read() -> None:
    """Else a crawl with include patterns would often end where it begins."""
    scope = Scope(starts=(START,), include=("/guide/api/**",))

    assert reason_of(scope, START) is None
    assert reason_of(scope, "https://docs.example.com/guide/api/x") is None
    assert scope.judge("https://docs.example.com/guide/x") == ("not_included", "include /guide/api/**")


def test_a_pattern_with_a_scheme_is_for_the_whole_url() -> None:
    """Only such a one can tell hosts and queries apart."""
    scope = Scope(starts=(START,), kind="domain", exclude=("https://old.example.com/**", "/q"))

    assert reason_of(scope, "https://old.example.com/x") == "excluded"
    assert reason_of(scope, "https://docs.example.com/x") is None
    assert reason_of(scope, "https://docs.example.com/q?page=2") == "excluded"


def test_several_start_urls_make_one_scope() -> None:
    """One library, several manuals."""
    scope = Scope(starts=(START, "http://other.example:8080/x/y"))

    assert reason_of(scope, "http://other.example:8080/x/z") is None
    assert reason_of(scope, "https://other.example:8080/x/z") == "out_of_scope"
    assert reason_of(scope, "http://other.example/x/z") == "out_of_scope"


def test_the_ruling_names_the_site() -> None:
    """`out of scope` alone would not tell what to change."""
    ruling = Scope(starts=(START,)).judge("https://other.example/")

    assert ruling == ("out_of_scope", "scope subpages docs.example.com/guide/")


@pytest.mark.parametrize(
    ("start", "url", "is_in"),
    [
        ("https://example.com/docs/", "https://www.example.com/docs/a", True),
        ("https://www.example.com/docs/", "http://example.com/docs/a", True),
        ("https://example.co.uk/", "https://www.example.co.uk/", True),
        ("https://docs.example.com/", "https://www.docs.example.com/", False),
        ("https://example.com:8443/", "https://www.example.com:8443/", False),
        ("https://example.com/docs/", "https://www.example.com/blog/", False),
        ("http://127.0.0.1/", "http://www.127.0.0.1/", False),
        ("http://localhost/", "http://www.localhost/", False),
        ("http://[::1]/", "http://www.[::1]/", False),
    ],
)
def test_a_domain_and_its_www_are_one_site(start: str, url: str, is_in: bool) -> None:  # noqa: FBT001
    """Most servers redirect from one to the other: half of the links would be out of scope."""
    assert (Scope(starts=(start,)).judge(url) is None) == is_in


def test_a_url_belongs_to_the_source_whose_directory_is_nearest() -> None:
    """However it was found, and whatever the order of the sources: a later crawl of one of them must find it there."""
    starts = [
        ("all", "https://h.example/"), ("api", "https://h.example/docs/api/intro.html"),
        ("docs", "https://h.example/docs/"), ("again", "https://h.example/docs/"), ("other", "https://o.example/x/y"),
    ]  # fmt: skip
    wanted = {
        "https://h.example/docs/api/a/b?x=/docs/": "api",
        "http://h.example/docs/api": "docs",
        "https://h.example/docs/guide/a": "docs",
        "https://h.example/blog/": "all",
        "https://o.example/elsewhere": "other",
        "https://third.example/": None,
    }
    for order in (starts, starts[:3][::-1] + starts[3:]):
        territories = Territories(order)

        assert {url: territories.owner(url) for url in wanted} == wanted


@pytest.mark.parametrize(
    ("glob", "may_match"),
    [("/docs/**", True), ("**/*.pdf", True), ("**", True), ("https://a.example/*", True), ("*/x", True),
     ("docs/**", False), ("*.pdf", False), ("index.html", False), ("*", False), ("./x", False)],
)  # fmt: skip
def test_a_pattern_that_can_match_nothing_is_known(glob: str, *, may_match: bool) -> None:
    """Those that cannot are what people write first; no path that there is matches them."""
    paths = ("/", "/x", "/x.pdf", "/docs", "/docs/x", "/docs/index.html", "/docs/x.pdf", "/./x", "/index.html")

    assert can_match(glob) is may_match
    assert may_match or not any(compile_glob(glob)(path) for path in paths)


@pytest.mark.parametrize(
    ("start", "arrived", "is_moved"),
    [
        ("https://h.example/docs/", "https://h.example/en/docs/", True),
        ("https://h.example/docs/latest/", "https://h.example/docs/v2.1/", True),
        ("http://example.com/docs/", "https://www.example.com/en/docs/index.html", True),
        ("https://h.example/docs/login-page/", "https://h.example/docs/logins/", True),
        ("https://h.example/docs/latest/", "https://h.example/docs/", False),
        ("https://h.example/docs/latest/", "https://h.example/", False),
        ("https://h.example/docs/", "https://h.example/sso/start", False),
        ("https://h.example/docs/", "https://h.example/Log-In.php", False),
        ("https://h.example/docs/", "https://other.example/en/docs/", False),
        ("https://h.example/docs/", "https://h.example:8443/en/docs/", False),
    ],
)
def test_a_start_url_has_moved_when_it_leads_beside_its_directory(start: str, arrived: str, *, is_moved: bool) -> None:
    """A language or a version of the same; neither more than was asked for, nor a stranger, nor a login."""
    assert has_moved(start, arrived) is is_moved
