"""robots.txt, line by line: whose rule is it?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runnel.robots.records import Records, read_records
from runnel.robots.steps import run_through


def read(text: str) -> Records:
    """Read all of it at once."""
    return run_through(read_records(text))


def rules_of(text: str, agent: str) -> list[str]:
    """The rules that *agent* is to obey, as they are shown."""
    lists = {id(run.rules): run.rules for run in read(text).of(agent)}
    return [str(record) for rules in lists.values() for record in rules]


@pytest.mark.parametrize(
    "line",
    ["Disallow: /a", "disallow:/a", " DISALLOW :\t/a # why", "Disallow /a", "disal" + "ow: /a", "Disallow: /a\r"],
)
def test_a_line_is_read_as_its_writer_meant_it(line: str) -> None:
    """What other engines forgive is forgiven: a rule overlooked is a page taken against its owner's wish."""
    (record,) = read(f"User-agent: *\n{line}\n").of("x")[0].rules

    assert (record.number, record.field, record.value) == (2, "disallow", "/a")


@pytest.mark.parametrize("line", ["Desallow: /a", "Disallow", "Disallow-all: /a", "Host: /a", ":/a", "# Disallow: /a"])
def test_anything_else_is_no_rule(line: str) -> None:
    """A line that says something nobody knows forbids nothing."""
    assert rules_of(f"User-agent: *\n{line}\n", "x") == []


def test_a_sitemap_without_a_colon_keeps_the_colon_of_its_address() -> None:
    """`Sitemap https://…` has a colon, but not behind the field."""
    sitemaps = read("Sitemap https://h/s.xml\nSite-map: /t.xml\nSitemap:\nSitemap: /t.xml\n").sitemaps

    assert sitemaps == ("https://h/s.xml", "/t.xml")


def test_only_a_rule_ends_a_run_of_names() -> None:
    """RFC 9309 section 2.2.4: other records must not come between names and their rules."""
    text = "User-agent: a\nCrawl-delay: 5\nWhatever: x\n\nUser-agent: b\nDisallow: /x\nUser-agent: c\nDisallow: /y\n"

    assert rules_of(text, "a") == rules_of(text, "b") == ["6: Disallow: /x"]
    assert rules_of(text, "c") == ["8: Disallow: /y"]


def test_an_empty_disallow_ends_a_run_of_names() -> None:
    """`Disallow:` is how a site says that all is allowed."""
    text = "User-agent: a\nDisallow:\nUser-agent: *\nDisallow: /\n"

    assert rules_of(text, "a") == []
    assert rules_of(text, "b") == ["4: Disallow: /"]


def test_groups_of_one_name_are_one_group() -> None:
    """RFC 9309 section 2.2.1."""
    text = "User-agent: a\nDisallow: /x\n\nUser-agent: b\nDisallow: /y\n\nUser-agent: A\nDisallow: /z\n"

    assert rules_of(text, "a") == ["2: Disallow: /x", "8: Disallow: /z"]


def test_rules_in_front_of_every_name_are_nobodys() -> None:
    """They stand in no group."""
    assert rules_of("Disallow: /\nUser-agent: *\nAllow: /x\n", "a") == ["3: Allow: /x"]


@pytest.mark.parametrize(
    ("names", "agent", "is_meant"),
    [
        ("Runnel", "Runnel/1.0 (+https://example.org/bot)", True),
        ("runnel", "RUNNEL", True),
        ("Runnel/2.0", "Runnel/1.0", True),
        ("Foobot", "Mozilla/5.0 (compatible; Foobot/1.0)", True),
        ("Run", "Runnel/1.0", False),
        ("Runnels", "Runnel/1.0", False),
        ("Runnel-news", "Runnel/1.0", False),
        ("example", "Runnel/1.0 (+https://example.org/bot)", False),
        ("One, Two Three", "Three/3", True),
        ("Mozilla/5.0 (compatible; Butterfly/1.0)", "butterfly", False),
        ("(none)", "none", False),
        ("", "", False),
    ],
)
def test_a_name_is_a_product_of_the_agent(names: str, agent: str, *, is_meant: bool) -> None:
    """Whole product tokens are compared: RFC 9309 section 2.2.1."""
    text = f"User-agent: *\nAllow: /\nUser-agent: {names}\nDisallow: /\n"

    assert rules_of(text, agent) == (["4: Disallow: /"] if is_meant else ["2: Allow: /"])


def test_the_longest_name_decides() -> None:
    """`*` is for those whom nothing else names."""
    text = "User-agent: mozilla\nDisallow: /m\nUser-agent: foobot\nDisallow: /f\nUser-agent: * all\nDisallow: /\n"

    assert rules_of(text, "Mozilla/5.0 (compatible; foobot)") == ["2: Disallow: /m"]
    assert rules_of(text, "foobot") == ["4: Disallow: /f"]
    assert rules_of(text, "*") == rules_of(text, "other") == ["6: Disallow: /"]


def test_what_belongs_to_names_stays_with_them() -> None:
    """A crawl delay is for the names right above it, whoever shares their rules."""
    records = read("Crawl-delay: 1\nUser-agent: a\nCrawl-delay: 2\nUser-agent: b\nCrawl-delay: 3\nAllow: /\n")

    assert _others(records, "a") == ["2"]
    assert _others(records, "b") == ["3"]
    assert [record.value for record in records.others] == ["1"]


def _others(records: Records, agent: str) -> list[str]:
    return [record.value for run in records.of(agent) for record in run.others]


def test_many_names_of_many_rules_take_no_more_room_than_the_file() -> None:
    """Rules are kept once, not once a name: 500 KiB of each would be hundreds of millions."""
    text = "".join(f"User-agent: a{i}\n" for i in range(2_000)) + "Disallow: /x\n" * 2_000
    records = read(text)

    assert len({id(run.rules) for runs in records.runs.values() for run in runs}) == 1
    assert len(rules_of(text, "a7")) == 2_000


@given(st.text(max_size=300), st.text(max_size=40))
def test_any_text_is_read(text: str, agent: str) -> None:
    """A site may serve anything under this name."""
    records = read("User-agent: *\n" + text)

    assert all(record.field in {"allow", "disallow"} for run in records.of(agent) for record in run.rules)
