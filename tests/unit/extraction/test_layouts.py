"""Pages as tools of other times lay them out: tables for columns, links without a box, lists that are all there is."""

import pytest

from runnel.extraction.profile import SamplePage, learn
from runnel.extraction.reading import read_page

URL = "https://docs.example.com/guide/intro"
PROSE = "<p>" + "The valve opens when the bed is dry. " * 12 + "</p>"
MENU = "<b>Menu</b><ul>" + "".join(f"<li><a href=p{number}>Part {number}</a>" for number in range(20)) + "</ul>"


def markdown_of(html: str, title: str = "Valves | Garden") -> str:
    return read_page(f"<!doctype html><title>{title}</title><body>{html}".encode(), url=URL).markdown


@pytest.mark.parametrize(
    "bars",
    [
        ("<a href=b>Next</a> <a href=a>Previous</a> <a href=t>Contents</a><hr>", ""),
        ("Previous <a href=b>Next</a> <a href=t>Contents</a><hr>", "<hr>Previous <a href=b>Next</a>"),
        ("", "<hr><a href=b>Next</a> | <a href=a>Previous</a> | <a href=t>Contents</a>"),
    ],
)
def test_links_without_a_box_at_the_edges_lead_around(bars: tuple[str, str]) -> None:
    """LinuxDoc writes them so; on the first page and the last one is no link, but its word."""
    text = f"<h2>Valves</h2>{PROSE}<p>They leak.</p>"

    assert markdown_of(text.join(bars)) == markdown_of(text)


@pytest.mark.parametrize("first", ["<a href=a>Valves</a><h2>B</h2>", "See <a href=a>next</a> to the tap<h2>B</h2>"])
def test_a_link_at_an_edge_that_says_something_is_text(first: str) -> None:
    """So is one in the middle of a line that has no box."""
    assert "](https://docs.example.com/guide/a)" in markdown_of(f"{first}{PROSE}")


def test_a_column_of_links_beside_the_text_is_left_out() -> None:
    """Pages were laid out as tables, in tables, once; a frame of one cell around the text is no table either."""
    frame = f"<table><tr><td><h2>Valves</h2>{PROSE}</td></tr></table>"
    page = f"<table><tr><td><table><tr><td width=200>{MENU}</td><td>{frame}</td></tr></table></td></tr></table>"

    assert markdown_of(page) == markdown_of(f"<h2>Valves</h2>{PROSE}")
    short = page.replace(PROSE, "<p>The valve opens when the bed is dry, and shuts when it is wet again.</p>")
    assert "Part 7" not in markdown_of(short)


def test_tables_in_tables_are_looked_into_so_far() -> None:
    """A page may nest as many as it likes; none of its text is lost for that."""
    page = f"<tr><td>{MENU}<td><h2>Valves</h2>{PROSE}"
    for depth, is_left in ((2, False), (12, True)):
        assert ("Part 7" in markdown_of("<table><tr><td>" * depth + f"<table>{page}")) is is_left
        assert "The valve opens" in markdown_of("<table><tr><td>" * depth + f"<table>{page}")


def test_a_table_of_one_cell_around_a_text_is_no_table() -> None:
    """Its paragraphs would become one."""
    assert markdown_of(f"<h1>V</h1><table><tr><td>{PROSE}<p>They leak.</table>") == markdown_of(
        f"<h1>V</h1>{PROSE}<p>They leak."
    )


@pytest.mark.parametrize("cell", [f"{MENU}<p>They differ.</p>", "<a href=p>Part 1</a>", f"<h2>Parts</h2>{MENU}"])
def test_a_column_that_says_more_than_links_is_text(cell: str) -> None:
    """So is one of a few links: tables of data have such."""
    assert "Part 1" in markdown_of(f"<h1>Valves</h1><table><tr><td>{cell}<td>{PROSE}</table>")


@pytest.mark.parametrize("box", ["<nav><ul><li>{}</ul></nav>", "<p></p><nav><p>{}</nav>"])
def test_a_page_that_only_leads_on_keeps_its_links(box: str) -> None:
    """The indexes of an API are lists that their tool marks as navigation; the page has nothing else to say."""
    links = box.format("<a href=a>open()</a> <a href=b>shut()</a>")

    assert "[open()](https://docs.example.com/guide/a)" in markdown_of(f"<article><h1>Valves</h1>{links}</article>")


@pytest.mark.parametrize(
    "beside",
    ["<p>They leak.</p>", "<div>They leak whenever the washer is older than a year or two.</div>", "<ul><li>x</ul>"],
)
def test_a_page_that_says_more_loses_its_navigation(beside: str) -> None:
    """What stands in `nav` then is no text."""
    links = "<nav><ul><li><a href=a>open()</a><li><a href=b>shut()</a></ul></nav>"

    assert "open" not in markdown_of(f"<article><h1>Valves</h1>{links}{beside}</article>")


@pytest.mark.parametrize("nav", ["<a href=#a>open</a>", "<a href=a>Previous</a> | <a href=b>Next</a>"])
def test_a_short_page_s_bars_are_no_list(nav: str) -> None:
    """Its contents, and the pages before and after it, say nothing."""
    assert markdown_of(f"<article><h1>Valves</h1><nav>{nav}</nav></article>") == "# Valves\n"


def test_a_title_above_a_list_of_contents_in_one_box_is_kept() -> None:
    """Asciidoctor has both in its header."""
    toc = "".join(f"<li><a href=#s{number}>Section {number}</a>" for number in range(9))
    page = f"<div id=header><h1>Valves</h1><div id=toc><ul>{toc}</ul></div></div><div id=content>{PROSE}</div>"

    assert markdown_of(page) == markdown_of(f"<h1>Valves</h1>{PROSE}")


def test_a_block_of_code_within_a_line_of_code_is_a_block() -> None:
    """Hand-written pages have it so; else its lines would become one."""
    for tag in ("code", "tt"):
        html = f"<h1>V</h1>{PROSE}<ul><li>So: <{tag}>\n<pre>open 1\nshut 2</pre>\n</{tag}></ul>"

        assert "\n  ```\n  open 1\n  shut 2\n  ```\n" in markdown_of(html)


def test_a_bar_at_the_side_that_holds_a_search_goes_with_all_its_words() -> None:
    """A sidebar that an author writes, beside a paragraph, has no controls."""
    said = "<p>When enabled, you can use <b>left</b> and right arrow keys to walk.</p>"

    assert "arrow" not in markdown_of(f"<div id=sidebar><form><input></form>{said}</div><h1>V</h1>{PROSE * 4}")
    assert "arrow" in markdown_of(f"<h1>V</h1><div class=sidebar>{said}</div>{PROSE * 4}")


def test_the_foot_of_a_card_is_text() -> None:
    """No page ends there."""
    card = "<div class=card>Grid<div class=card-footer><a href=g>Next step</a></div></div>"

    assert "[Next step](https://docs.example.com/guide/g)" in markdown_of(f"<h1>V</h1>{PROSE}{card}{PROSE}")


def test_tables_that_follow_one_another_in_an_item_stay_two() -> None:
    """A list of short items comes out without empty lines, and tables without one between are one."""
    table = "<table><tr><td>a<td>b<tr><td>c<td>d</table>"

    assert markdown_of(f"<h1>V</h1><ul><li><p>x</p>{table}{table}</ul>", title="V") == (
        "# V\n\n- x\n\n  | a | b |\n  | --- | --- |\n  | c | d |\n\n  | a | b |\n  | --- | --- |\n  | c | d |\n"
    )


def test_a_link_of_no_box_that_all_pages_have_is_no_page_s_own() -> None:
    """One that stands in a sentence is, though others have the same."""

    def page(number: int, link: str) -> bytes:
        return f"<title>Page {number}</title><body><h1>Page {number}</h1>{link}<hr><pre>{number} opens</pre>".encode()

    alone, in_words = "<a href=i>main help file</a>", "See <a href=i>main help file</a> first."
    for link, is_left in ((alone, False), (in_words, True)):
        profile = learn(SamplePage(page(number, link)) for number in range(5))
        assert ("main help" in read_page(page(7, link), url=URL, profile=profile).markdown) is is_left


@pytest.mark.parametrize(
    ("box", "alert"),
    [
        ("<div class=NOTE><p>Note</p><p>Cold.</p></div>", "> [!NOTE]\n> Cold.\n"),
        ("<div class='alert is-warning'><p class=alert-title>Warning</p><p>Wet.</p></div>", "> [!WARNING]\n> Wet.\n"),
        (
            "<div class='alert is-warning'><p class=alert-title>Mind</p>Wet.</div>",
            "> [!WARNING]\n> **Mind**\n>\n> Wet.\n",
        ),
        ("<div class='alert alert-danger warning'><b>Warning:</b> Wet.</div>", "> [!WARNING]\n> Wet.\n"),
        ("<div class='x-note x-tip note'>Oil it.</div>", "> [!TIP]\n> Oil it.\n"),
        ("<aside class=caution><strong>Caution:</strong><span> Wet.</span></aside>", "> [!CAUTION]\n> Wet.\n"),
        ("<blockquote class=tip><p>Oil it.</blockquote>", "> [!TIP]\n> Oil it.\n"),
        ("<p class='callout info'>Cold.", "> [!NOTE]\n> Cold.\n"),
        ("<div class=note>Note that it is <b>cold</b>.</div>", "> [!NOTE]\n> Note that it is **cold**.\n"),
        ("<table><tr><td>a<td><div class=note>b</div><tr><td>c<td>d</table>", "| a | b |\n| --- | --- |\n| c | d |\n"),
    ],
)
def test_a_note_says_its_kind_once(box: str, alert: str) -> None:
    """By the most exact of its names; in a cell, which holds no quotation, it is text."""
    assert markdown_of(f"<main><h1>V</h1>{box}</main>", title="V") == f"# V\n\n{alert}"


@pytest.mark.parametrize(
    ("block", "language"),
    [
        ("<pre syntax=Python><code>x</code></pre>", "python"),
        ("<pre class=programlisting><code class='bash '>x</code></pre>", "bash"),
        ("<div class='highlight highlight-source-shell'><pre>x</pre></div>", "shell"),
        ("<div><span class=language>Azure CLI</span></div><pre><code class=lang-azurecli>x</code></pre>", "azurecli"),
        ("<pre class=screen><code class=literal>x</code></pre>", ""),
    ],
)  # fmt: skip
def test_code_has_the_language_that_its_page_states(block: str, language: str) -> None:
    """Each of these is how a large site writes it."""
    assert markdown_of(f"<main><h1>V</h1>{block}</main>", title="V") == f"# V\n\n```{language}\nx\n```\n"


def test_what_a_web_component_makes_tabs_of_is_shown() -> None:
    """It is hidden until its program runs; what else is hidden stays so."""
    tabs = "<dl style='display: none'><dt>A<dd>one<dt>B<dd>two</dl>"

    assert "**A**\n\none" in markdown_of(f"<h1>V</h1>{PROSE}<x-tabs>{tabs}</x-tabs>")
    assert "one" not in markdown_of(f"<h1>V</h1>{PROSE}<div>{tabs}</div>")
    assert "one" not in markdown_of(f"<h1>V</h1>{PROSE}<x-tabs><span hidden>one</span></x-tabs>")


def test_places_for_buttons_in_code_are_no_lines() -> None:
    """An empty line among others is one."""
    assert "```\nx\n```" in markdown_of("<h1>V</h1><pre><div></div><code>x</code></pre>")
    assert "```\nx\n\ny\n```" in markdown_of("<h1>V</h1><pre><div>x</div><div></div><div>y</div></pre>")


def test_the_label_of_a_list_of_contents_goes_with_it() -> None:
    """Of a part that can be folded nothing else is left; a label of more is the author's."""
    toc = "<details><summary>Table of contents</summary><ol id=markdown-toc><li><a href=#a>A</a></ol></details>"

    assert markdown_of(f"<h1>V</h1>{toc}{PROSE}") == markdown_of(f"<h1>V</h1>{PROSE}")
    assert "More of it" in markdown_of(f"<h1>V</h1>{toc.replace('</ol>', '</ol>More of it, as all of you will know.')}")


@pytest.mark.parametrize(
    ("button", "said"),
    [
        ("<button><span>post</span><span>/valves/{name}</span></button>", "`post /valves/{name}`\n"),
        ("<button><strong>200</strong><div><p>It is open</p></div></button>", "**200**\n\nIt is open\n"),
        ("<button><p>Yes</p></button>", ""),
        ("<button>Get started</button>", ""),
    ],
)
def test_a_button_that_says_what_the_page_is_about_is_text(button: str, said: str) -> None:
    """Pages of an API put paths and responses into buttons that fold."""
    assert markdown_of(f"<main><h1>V</h1>{button}</main>", title="V") == f"# V\n\n{said}".rstrip("\n") + "\n"


def test_boxes_that_a_style_shows_as_a_table_are_one() -> None:
    """The summaries of Java's classes; one whose cells do not fill its rows, or hold what no cell can, stays so."""
    head = "<div class='table-header col-first'>Type</div><div class='table-header col-last'>Says</div>"
    row = "<div class=col-first><code>int</code></div><div class=col-last><div class=block>How <b>many</b>.</div></div>"
    grid = "<main><h1>V</h1><div class='summary-table two-column-summary'>{}</div></main>"
    table = "# V\n\n| Type | Says |\n| --- | --- |\n| `int` | How **many**. |\n"

    assert markdown_of(grid.format(head + row), title="V") == table
    for odd in (head + row + "<div>more</div>", head + row.replace("How", "<pre>x</pre>")):
        assert "|" not in markdown_of(grid.format(odd), title="V")
    assert "|" not in markdown_of(grid.format(head + row).replace(" two-column-summary", ""), title="V")


def test_signs_to_click_on_and_logos_are_no_text() -> None:
    """A link that runs code is its words, when it has any."""
    logo = "<a class=sub-logo-container href=i><img alt=logo src=l.svg></a>"
    signs = "<a href='javascript:void(0)'>[&#x2212;]</a><a href='javascript:x()'>fold</a>"

    assert markdown_of(f"{logo}<h1>V</h1>{PROSE}") == markdown_of(f"<h1>V</h1>{PROSE}")
    assert "logo" in markdown_of(f"<h1>V</h1>{PROSE}<a class=logo href=i>Our logo</a> is red.{PROSE}")
    assert "fold" in markdown_of(f"<h1>V</h1><p>{signs} it")
    assert "[" not in markdown_of(f"<h1>V</h1><p>{signs} it")
