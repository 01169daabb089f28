"""What a page says about itself, beside its text."""

import pytest

from runnel.extraction.dates import to_instant
from runnel.extraction.page import PageReading
from runnel.extraction.reading import read_page
from runnel.extraction.titles import cut_learned, find_version, learn_titles

TEXT = "<main><h1>Pumps</h1><p>A pump lifts water from the barrel to the beds.</p></main>"


def reading_of(head: str = "", body: str = TEXT) -> PageReading:
    return read_page(f"<!doctype html><head>{head}</head><body>{body}".encode(), url="https://docs.example.com/pumps")


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<title>Pumps — Garden 2.1 documentation</title>", "Pumps"),
        ("<title>Garden: Documentation: 2.1: Pumps</title>", "Pumps"),
        ("<title>Pumps - how they work | Garden</title>", "Pumps"),
        ("<title>All about pumps | Garden</title>", "All about pumps | Garden"),
        ("<title>All about pumps | Garden</title><meta property=og:site_name content=Garden>", "All about pumps"),
        ("<title>Garden - All about - hoses</title><meta name=application-name content=garden>", "All about - hoses"),
        ("<title>Garden</title><meta property=og:site_name content=Garden>", "Garden"),
        ("<title>a-b: Pumps</title>", "Pumps"),
        ("<title></title>", "Pumps"),
    ],
)
def test_a_title_is_the_page_s_own(head: str, title: str) -> None:
    """Every title of a list that ends in the site's name is half noise."""
    assert reading_of(head).title == title


def test_a_heading_of_the_site_is_no_title() -> None:
    """A banner's h1 bears the site's name, and would turn every title into it."""
    banner = "<header><h1><a href=/>Garden</a></h1></header>"

    assert reading_of("<title>Pumps - Garden</title>", banner + TEXT).title == "Pumps"


def test_titles_are_learned_from_a_sample() -> None:
    """Where no page tells its site's name, all of them together do."""
    known = learn_titles(f"Page {number} :: Part {number % 3} - Garden v2" for number in range(10))
    fronts = learn_titles(f"Garden » Page {number}" for number in range(10))

    assert cut_learned("Hoses :: Part 1 - Garden v2", known, heading="") == ("Hoses :: Part 1", "Garden v2")
    assert cut_learned("Garden » Hoses", fronts, heading="") == ("Hoses", "Garden")
    assert cut_learned("Hoses - Shed", known, heading="Hoses") == ("Hoses - Shed", "")
    assert cut_learned("Garden v2", known, heading="Hoses") == ("Garden v2", "")


def test_a_title_of_all_pages_is_none() -> None:
    """A site whose pages are all called alike leaves its readers only the headings."""
    known = learn_titles(["Garden"] * 5)

    assert cut_learned("Garden", known, heading="Hoses") == ("Hoses", "Garden")
    assert cut_learned("Garden", known, heading="") == ("Garden", "")
    assert learn_titles(["Garden"] * 2) == learn_titles([]) == frozenset()
    assert cut_learned("x | " * 200, known, heading="") == ("x | " * 200, "")


@pytest.mark.parametrize(
    ("head", "body", "version"),
    [
        ("<title>Pumps — Garden 3.11.2 documentation</title>", TEXT, "3.11.2"),
        ("<title>Pumps | Garden v2</title>", TEXT, "2"),
        ("<meta name=docsearch:version content=1.4.0>", TEXT, "1.4.0"),
        ("<title>Pumps 1.2</title>", TEXT, ""),
        ("<meta name=generator content='Tool 5.1'>", TEXT, ""),
    ],
)
def test_a_version_is_the_one_that_the_site_states(head: str, body: str, version: str) -> None:
    """The version of a tool, or one that a text speaks of, is not that of what is documented."""
    assert reading_of(head, body).version == version


def test_versions_look_like_versions() -> None:
    """A year, or a part of a name, is none."""
    assert [find_version(text) for text in ("2.0.0rc1", "Java 17", "copyright 2024", "x1.2", "v10")] == [
        "2.0.0rc1", "", "", "", "10",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("head", "body", "modified"),
    [
        ("<meta property=article:modified_time content=2024-05-06T10:00:00+02:00>", TEXT, "2024-05-06T08:00:00Z"),
        ("<meta name=last-modified content=2024-05-06>", TEXT, "2024-05-06"),
        ("<meta itemprop=dateModified content=2024-05-06T10:00>", TEXT, "2024-05-06"),
        ("<meta name=revised content=soon><meta name=last-updated content=2023-01-02>", TEXT, "2023-01-02"),
        ('<script type="application/ld+json">{"dateModified": "2022-02-02"}</script>', TEXT, "2022-02-02"),
        ("", TEXT + "<footer>Last updated <time datetime=2021-03-04>in March</time></footer>", "2021-03-04"),
        ("", TEXT + "<p><time datetime=2021-03-04 class=updated>March</time></p>", "2021-03-04"),
        ("", TEXT + "<p>The fair was on <time datetime=2021-03-04>a Thursday</time></p>", ""),
        ("", TEXT, ""),
    ],
)
def test_a_page_s_last_change_is_what_the_page_calls_so(head: str, body: str, modified: str) -> None:
    """A date of something else would make an old page look fresh."""
    assert reading_of(head, body).modified == modified


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-05-06T10:00:00.123Z", "2024-05-06T10:00:00Z"),
        ("2024-05-06 10:00-0330", "2024-05-06T13:30:00Z"),
        ("Wed, 21 Oct 2015 07:28:00 GMT", "2015-10-21T07:28:00Z"),
        ("Wed, 21 Oct 2015 07:28:00 -0000", "2015-10-21"),
        ("0001-01-01T00:00:00+14:00", ""),
        ("2024-13-41", ""),
        ("Wed, 99 Foo 2015 07:28:00", ""),
        ("12/05/2024", ""),
        ("", ""),
    ],
)
def test_instants_are_of_one_form(text: str, instant: str) -> None:
    """What cannot be read exactly is not guessed at."""
    assert to_instant(text) == instant


@pytest.mark.parametrize(
    ("html", "steps"),
    [
        (
            "<nav aria-label=Breadcrumbs><ul><li><a href=/>Home</a><li>|<li><a href=g>Guide »</a><li>Pumps</ul></nav>",
            ("Home", "Guide", "Pumps"),
        ),
        ("<div class='bread-crumbs crumbs'><a href=/>Home</a> / <a href=g>Guide</a> / Pumps</div>", ("Home", "Guide")),
        (
            "<ul class=wy-breadcrumbs><li><a href=/>Docs</a><li>Pumps<li class=x-aside>Edit</ul>",
            ("Docs", "Pumps"),
        ),
        (
            "<div class=related><ul><li><a href=i>index</a><li class=nav-item><a href=/>Garden 2.1</a> »</ul></div>",
            ("Garden 2.1",),
        ),
        ("<nav aria-label=Main><ul><li><a href=/>Home</a></ul></nav>", ()),
        ("<nav class=breadcrumbs></nav>", ()),
        (f"<nav class=crumbs>{''.join(f'<a href=x>{n}</a>' for n in range(50))}</nav>", (*"0123456789", "10", "11")),
    ],
)  # fmt: skip
def test_breadcrumbs_are_the_way_to_the_page(html: str, steps: tuple[str, ...]) -> None:
    """A search result without its place in the book is a guess."""
    reading = reading_of(body=html + TEXT)

    assert reading.breadcrumbs == steps
    assert reading.markdown == reading_of().markdown
