"""robots.txt: which answers mean what, and what the tables of three engines agree on."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.robots.rules import MAX_ROBOTS_BYTES, RobotsRules, parse_robots
from tests.support.conformance import conformance_rows

AGENT = "runnel"


def rules_of(text: str) -> RobotsRules:
    """Read *text* as a robots.txt that was there."""
    return parse_robots(text.encode(), status=200)


@pytest.mark.parametrize("status", [301, 404, 410, 403, 401])
def test_a_missing_robots_txt_allows_everything(status: int) -> None:
    """RFC 9309 section 2.3.1.3: unavailable means that there are no rules."""
    rules = parse_robots(b"User-agent: *\nDisallow: /", status=status)

    assert rules.allows("https://h/x", AGENT).allowed


@pytest.mark.parametrize("status", [0, 500, 503])
def test_an_unreachable_robots_txt_forbids_everything(status: int) -> None:
    """RFC 9309 section 2.3.1.4: a broken server must not be read as a yes."""
    decision = parse_robots(b"", status=status).allows("https://h/x", AGENT)

    assert not decision.allowed
    assert decision.line is not None


def test_the_forbidding_line_is_named_with_its_number() -> None:
    """`why is page X missing?` is answered with the line to change."""
    rules = rules_of("User-agent: other\nDisallow: /\n\nUser-agent: *\nDisallow: /a\nDisallow: /a/b # drafts\n")

    assert rules.allows("https://h/a/b/c", AGENT).line == "6: Disallow: /a/b # drafts"
    assert rules.allows("https://h/a/x", AGENT).line == "5: Disallow: /a"
    assert rules.allows("https://h/z", AGENT).line is None


def test_robots_txt_itself_may_be_read() -> None:
    """RFC 9309 section 2.2.2: whatever it says."""
    assert rules_of("User-agent: *\nDisallow: /\n").allows("https://h/robots.txt", AGENT).allowed


def test_what_cannot_be_judged_is_forbidden_and_says_why() -> None:
    """Thousands of rules made to be slow hurt only their own site."""
    rules = rules_of(
        "User-agent: *\n" + "".join(f"Disallow: /*a*{'a*' * (n % 9)}{'b' * (n // 9)}*c\n" for n in range(3_000))
    )
    decision = rules.allows("https://h/c" + "a" * 1_000 + "b" * 400, AGENT)

    assert not decision.allowed
    assert decision.line == "robots.txt has too many rules with * for this path to be judged"


def test_what_was_decided_is_remembered_up_to_a_number() -> None:
    """A link that stands on every page is judged once; a site of millions of links fills no memory."""
    rules = rules_of("User-agent: *\nDisallow: /a\n")
    first = rules.allows("https://h/a", AGENT)
    for number in range(20_000):
        rules.allows(f"https://h/{number}", AGENT)

    assert first is not rules.allows("https://h/a", AGENT)
    assert rules.allows("https://h/a", AGENT) is rules.allows("https://h/a", AGENT)


@pytest.mark.parametrize(
    ("value", "delay_s"),
    [
        ("10", 10.0),
        ("0.5", 0.5),
        (".5", 0.5),
        ("2 # seconds", 2.0),
        ("3s", 3.0),
        ("-1", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_crawl_delay_is_read_up_to_its_number(value: str, delay_s: float | None) -> None:
    """A unit behind it is no reason to hurry."""
    assert rules_of(f"User-agent: *\nCrawl-delay: {value}\n").crawl_delay_s(AGENT) == delay_s


def test_of_several_crawl_delays_the_longest_holds() -> None:
    """And one of another agent does not."""
    text = "User-agent: a\nCrawl-delay: 2\nCrawl-delay: 9\nCrawl-delay: 3\nUser-agent: *\nCrawl-delay: 1\n"

    assert rules_of(text).crawl_delay_s("a") == 9.0
    assert rules_of(text).crawl_delay_s("b") == 1.0
    assert rules_of(text).crawl_delay_s("c") == 1.0


def test_the_line_is_sought_in_the_agents_own_group() -> None:
    """A group that names the agent replaces the one for everybody."""
    rules = rules_of("User-agent: *\nDisallow: /private\n\nUser-agent: a\nUser-agent: runnel\nDisallow: /pri\n")

    assert rules.allows("https://h/private", AGENT).line == "6: Disallow: /pri"


def test_sitemaps_and_crawl_delay_are_read() -> None:
    """Both steer the crawl."""
    rules = rules_of("Sitemap: /s.xml\nSitemap: /s.xml\nUser-agent: *\nCrawl-delay: 2.5\n")

    assert rules.sitemaps == ("/s.xml",)
    assert rules.crawl_delay_s(AGENT) == 2.5


def test_only_the_first_500_kib_count_up_to_a_whole_line() -> None:
    """A rule cut in two would forbid more than the site wrote."""
    head = b"User-agent: *\nDisallow: /a\n"
    body = head + b"#" * (MAX_ROBOTS_BYTES - len(head) - len(b"\nDisallow: /")) + b"\nDisallow: /private\n"
    rules = parse_robots(body, status=200)

    assert rules.allows("https://h/public", AGENT).allowed
    assert not rules.allows("https://h/a", AGENT).allowed


def test_a_unicode_line_separator_does_not_end_a_line() -> None:
    """Only CR and LF do; else a comment could hide a rule's second half."""
    rules = rules_of("User-agent: *\n# see\u2028Disallow: /\n")

    assert rules.allows("https://h/x", AGENT).allowed


@given(st.binary(max_size=400))
def test_any_bytes_are_a_robots_txt(body: bytes) -> None:
    """A site may serve anything under this name; the crawl goes on."""
    rules = parse_robots(b"User-agent: *\nDisallow: /" + body, status=200)
    rules.crawl_delay_s(AGENT)

    assert isinstance(rules.allows("https://h/x?y=z", AGENT).allowed, bool)


def test_the_engines_agreed_answers_are_ours() -> None:
    """777 cases in which google/robotstxt, protego and crawler-commons agree, or the RFC says so."""
    rows = [row for row in conformance_rows("robots/robots_cases.jsonl") if row["tier"] == "core"]
    wrong = [row["id"] for row in rows if _decide(row) != row["allowed"]]

    assert len(rows) >= 777
    assert wrong == []


def _decide(row: dict[str, Any]) -> bool:
    body = row["robots"].encode() if "robots" in row else base64.b64decode(row["robots_b64"])
    return parse_robots(body, status=200).allows(row["url"], row["agent"]).allowed
