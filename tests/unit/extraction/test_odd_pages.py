"""Pages that are built as nobody would build one: each is read, and nothing of its text is lost."""

import pytest

from runnel.extraction.reading import read_page

URL = "https://docs.example.com/a"
PROSE = "<p>" + "The valve opens when the bed is dry. " * 12 + "</p>"


def markdown_of(html: str) -> str:
    return read_page(f"<title>T</title><body>{html}".encode(), url=URL).markdown


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<main><div class='admonition'><p>x</p></div><div class=hint>y</div>", "> [!NOTE]\n> x\n\n> [!TIP]\n> y\n"),
        ("<main><div class=custom-block>x</div>", "x\n"),
        ("<main><div class=fragment>no lines</div><pre>x</pre>", "no lines\n\n```\nx\n```\n"),
        ("<main><div class=fragment><div class=line>a</div><pre>b</pre></div>", "a\n\n```\nb\n```\n"),
        ("<main><a href=x>a <h2>b</h2></a>", None),
        ("<main><h2 id=own>b<a href='#c' id=c>#</a></h2>", "## b\n"),
        ("<main><h2><a name=c href='#c'>b</a></h2>", "## b\n"),
        ("<main><p>a<span style='display:none'></span></p>", "a\n"),
        ("<main><div role=main></div><p>b", "b\n"),
        (
            "<main><p>a <a href=' b '>c</a> <a href='a b\tc'>q</a> <img src=' d ' alt=e> <a href=''>f</a>",
            None,
        ),
        ("<main><p>x&nbsp;</p><pre>a&nbsp;b</pre>c&nbsp;d", "x\n\n```\na\xa0b\n```\n\nc d\n"),
        ("<main><table><tr><td rowspan=2>a<td>b<tr><td>c<tr><td rowspan=2>d<td rowspan=2>e<tr></table>", None),
        ("<main><table><tr><td colspan=2>a<table><tr><td>b<td>c</table></table>", "a\n\n| b | c |\n| --- | --- |\n"),
        ("<ul><li><a hreflang=de href=a>de</a><h2>x</h2><a hreflang=en href=b>en</a></ul>", None),
        ("<a hreflang=de href=a>de</a><a hreflang=en href=b>en</a> text", None),
    ],
)
def test_the_text_comes_out(html: str, expected: str | None) -> None:
    """Odd markup is no reason to lose a word."""
    markdown = markdown_of(html)

    assert markdown == expected if expected is not None else markdown.strip()


@pytest.mark.parametrize("depth", [5, 40])
def test_a_text_is_found_however_deep_it_stands(depth: int) -> None:
    """The way down ends somewhere; the text does not depend on where."""
    bar = "<p><a href=a>Prev</a> | <a href=b>Next</a></p>"
    html = f"<div>{bar}" * depth + f"<h1>Valves</h1>{PROSE * 3}" + "</div>" * depth

    assert "# Valves" in markdown_of(html)


def test_many_bars_at_an_edge_are_not_all_looked_at() -> None:
    """A page may be made of nothing else."""
    bars = "<p><a href=a>Prev</a> | <a href=b>Next</a></p>" * 9

    assert markdown_of(f"<main><div>{bars}{PROSE}</div></main>").count("[Prev]") == 3


def test_a_title_that_is_not_the_page_s_is_not_fetched() -> None:
    """Something else may be written in letters as large."""
    other = f"<h1>Sale</h1><h1></h1><div id=content>{PROSE}</div>"

    assert not read_page(f"<title>T</title><body>{other}".encode(), url=URL).markdown.startswith("# Sale")
    assert not read_page(f"<body><h1>Sale</h1><div id=content>{PROSE}</div>".encode(), url=URL).markdown.startswith(
        "# T"
    )


def test_a_panel_far_from_any_label_stays_as_it_is() -> None:
    """Labels are looked for in the neighbourhood."""
    html = "<i role=tab>A</i>" + "<div>" * 9 + "<div role=tabpanel><p>x</div>" + "</div>" * 9

    assert markdown_of(f"<main>{html}").replace("*", "").split() == ["A", "x"]


def test_a_small_box_beside_much_text_is_the_site_s() -> None:
    """Its name and version stand above every page."""
    assert "3.4" not in markdown_of(f"<div>Garden 3.4</div><div><h1>Valves</h1>{PROSE * 9}</div>")
    assert "Copyright" not in markdown_of(f"<div><h1>Valves</h1>{PROSE * 9}</div><div>Copyright 2020</div>")
