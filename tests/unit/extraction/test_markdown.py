"""A page's own text as Markdown, and nothing but it."""

import pytest

from runnel.extraction.reading import read_page

URL = "https://docs.example.com/guide/intro"


def markdown_of(html: str) -> str:
    return read_page(html.encode(), url=URL).markdown.strip("\n")


def main(html: str) -> str:
    return markdown_of(f"<nav>Menu</nav><main>{html}</main><footer>Legal</footer>")


@pytest.mark.parametrize(
    ("html", "language"),
    [
        ("<pre class=language-rust>{}</pre>", "rust"),
        ("<pre><code class='language-js hljs'>{}</code></pre>", "js"),
        (
            "<div class='highlight-python3 notranslate'><div class=highlight><pre><span></span>{}</pre></div></div>",
            "python",
        ),
        ("<div class='highlight-default notranslate'><div class=highlight><pre>{}</pre></div></div>", ""),
        ("<div class=highlight><pre>{}</pre></div>", ""),
        ("<pre class=programlisting>{}</pre>", ""),
        ("<div class=highlight data-lang=Go><pre>{}</pre></div>", "go"),
        ("<pre class='brush: sql'>{}</pre>", "sql"),
        ("<pre class=source-cpp>{}</pre>", "cpp"),
    ],
)
def test_code_is_fenced_byte_for_byte_with_its_language(html: str, language: str) -> None:
    """Code that lost its line breaks, its indentation or its language is what readers copy and cannot run."""
    code = "if a &lt; b:\n\n    x = '*_\\'  # &amp;amp;\xa0\n\treturn <b>y</b>"
    expected = "if a < b:\n\n    x = '*_\\'  # &amp;\xa0\n\treturn y"

    assert main(html.format(code)) == f"```{language}\n{expected}\n```"


def test_a_fence_is_longer_than_the_fences_in_its_code() -> None:
    """Markdown about Markdown would end its own block."""
    assert main("<pre>```\nx\n```</pre>") == "````\n```\nx\n```\n````"


def test_text_that_looks_like_markup_comes_out_as_text() -> None:
    """`Vec<T>` must not become a tag that a renderer swallows, nor `*args` an emphasis."""
    assert main("<p>Vec&lt;T&gt; &lt;script&gt; *args _x_ [a](b) &amp;lt; `c`") == (
        r"Vec\<T> \<script> \*args \_x\_ \[a\](b) \&lt; \`c\`"
    )
    assert main("<p># no heading<p>- no item<p>1. no item<p>&gt; no quote") == (
        "\\# no heading\n\n\\- no item\n\n1\\. no item\n\n\\> no quote"
    )


def test_links_are_absolute_and_keep_their_fragments() -> None:
    """A link that is relative, or relative to the wrong page, leads nowhere outside of its site."""
    html = "<a href='../api#f'>api</a> <a href='#here'>here</a> <img src=i.png alt=pic> <a href=mailto:a@b.c>mail</a>"

    assert main(html) == (
        "[api](https://docs.example.com/api#f) [here](https://docs.example.com/guide/intro#here) "
        "![pic](https://docs.example.com/guide/i.png) [mail](mailto:a@b.c)"
    )


def test_white_space_around_a_target_is_no_part_of_it() -> None:
    """HTML lets it stand there, Markdown does not."""
    html = "<p><a href=' a b '>x</a> <img src='\t y\n' alt=z>"

    assert main(html) == "[x](https://docs.example.com/guide/a%20b) ![z](https://docs.example.com/guide/y)"


@pytest.mark.parametrize("href", ["javascript:alert(1)", " JavaScript:x", "data:text/html,x", "vbscript:x", "http://["])
def test_a_link_that_runs_code_is_only_its_text(href: str) -> None:
    """Markdown of ours is shown in web pages and fed to agents."""
    assert main(f'<p>a <a href="{href}">b</a> c <img src="data:image/png;base64,AA" alt=x>d') == "a b c d"


@pytest.mark.parametrize(
    "heading",
    [
        "<h2 id=x>Title<a class=headerlink href='#x'>¶</a></h2>",
        "<h2 id=x><a class=anchor href='#x'>§</a>Title</h2>",
        "<h2 id=x><a href='#x'><svg></svg></a>Title</h2>",
        "<h2 id=x>Title<a class=hash-link href='#x' title='Direct link'>\u200b</a></h2>",
        "<h2 id=x><a class=header href='#x'>Title</a></h2>",
    ],
)
def test_permalink_marks_are_no_part_of_a_heading(heading: str) -> None:
    """Every heading of a documentation would end in a pilcrow."""
    assert main(heading) == "## Title"


def test_navigation_and_controls_are_left_out() -> None:
    """The same menu on a thousand pages drowns what they say."""
    html = "<nav>in</nav><p>text</p><button>Copy</button><form><input value=x>Search</form><script>x</script><style>y"

    assert main(html) == "text"


def test_a_page_inside_a_form_is_kept() -> None:
    """Some systems wrap the whole page in one form."""
    assert main(f"<form><p>{'word ' * 200}</p></form>").startswith("word word")


@pytest.mark.parametrize(
    "html",
    [
        "<article role=main>TEXT</article><article>other</article>",
        "<main><div>side</div><article>TEXT</article></main>",
        "<div>head</div><div role=main>TEXT</div>",
        "<main>TEXT</main><div>foot</div>",
        "<div>side</div><div class=body>TEXT</div>",
        "<div>side</div><div id=content>TEXT</div>",
        "<main></main><div id=content>TEXT</div>",
    ],
)
def test_the_main_part_is_found_by_its_mark(html: str) -> None:
    """Most generators say where the text is; whoever listens need not guess."""
    assert markdown_of(html.replace("TEXT", "<p>text</p>")) == "text"


def test_of_several_articles_none_is_taken_for_the_whole() -> None:
    """A list of articles would shrink to its first."""
    assert markdown_of("<main><article>one</article><article>two</article></main>") == "one\n\ntwo"


@pytest.mark.parametrize("navigation", ["", "<div class=navheader>Prev Next</div>"])
def test_a_page_without_marks_keeps_all_of_its_text(navigation: str) -> None:
    """Judging by density must not throw away an API reference, which is mostly names and code."""
    rows = "".join(f"<section><h3>name{n}</h3><table><tr><td>value {n}</table></section>" for n in range(100))
    text = markdown_of(f"{navigation}<div><p>{'prose, word, ' * 30}</p></div>{rows}")

    assert "Prev" not in text
    assert all(f"### name{n}" in text and f"value {n}" in text for n in range(100))


def test_tables_are_of_pipes_with_a_cell_in_every_place() -> None:
    """A cell that spans would shift every cell after it, or turn the table into raw HTML."""
    html = (
        "<table><tr><th>a|b<th>c<th>d<tr><td rowspan=2>1<td colspan=2>2<tr><td>3<td><code>x</code><tr><td>short</table>"
    )

    assert main(html) == ("| a\\|b | c | d |\n| --- | --- | --- |\n| 1 | 2 |  |\n|  | 3 | `x` |\n| short |  |  |")


def test_a_cell_alone_in_its_row_is_as_wide_as_the_others_are_together() -> None:
    """Wikis write `colspan=10` for "all of it", and part rows by such a cell without a word."""
    rows = "<tr><td colspan=10>a<tr><td>b<td>c<tr><td colspan=10> </td><tr><td rowspan=2>d<td>e<tr><td colspan=3>f"

    assert (
        main(f"<table>{rows}</table>")
        == "| a |  |  |  |\n| --- | --- | --- | --- |\n| b | c |  |  |\n| d | e |  |  |\n|  | f |  |  |"
    )
    assert main("<table><tr><td colspan=2>a</table>") == "| a |\n| --- |"
    assert main("<table><tr><td colspan=2><img src=i alt=a><tr><td>b<td>c</table>").count("|") == 9


def test_the_terms_of_a_definition_list_stand_out_in_bold() -> None:
    """CommonMark has no such lists: the term on a line of its own, then what it means, reads everywhere."""
    html = (
        "<dl><dt>\n<code>open</code>(<em>by</em>)\n<dt><b>shut</b> it<dd><p>Opens.<pre>x</pre>"
        "<dt><pre>y</pre><dd>Code.<dt><h3>z</h3><dd>A heading.<dt> <dd>None.</dl>"
    )
    code = "```\nx\n```\n\n```\ny\n```"

    assert main(html) == (
        f"**`open`(*by*)**\n\n**shut it**\n\nOpens.\n\n{code}\n\nCode.\n\n### z\n\nA heading.\n\nNone."
    )


@pytest.mark.parametrize("name", ["data-src", "data-original", "data-lazy-src"])
def test_an_image_that_is_loaded_late_has_its_source(name: str) -> None:
    """Until then it shows a grey dot that carries its own data."""
    late = f"<img src='data:image/gif;base64,x' alt='A [pump]' {name}=/pump.png><img src=/bed.png alt=B {name}=/x.png>"

    assert main(late) == "![A \\[pump\\]](https://docs.example.com/pump.png)![B](https://docs.example.com/bed.png)"
    assert main("<p>a<img alt=B data-src=''>b") == "ab"


def test_code_beside_line_numbers_is_code() -> None:
    """A layout table of one row is no table."""
    html = "<table class=highlighttable><tr><td class=linenos><pre>1\n2</pre><td class=code><pre>a\nb</pre></table>"

    assert main(html) == "```\na\nb\n```"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<div class='admonition warning'><p class=admonition-title>Warning</p><p>x</div>", "> [!WARNING]\n> x"),
        ("<div class=note><h3 class=title>Note</h3><p>x</p><p>y</div>", "> [!NOTE]\n> x\n>\n> y"),
        ("<div class='admonition tip'><p class=admonition-title>Be quick</p><p>x</div>",
         "> [!TIP]\n> **Be quick**\n>\n> x"),
        ("<ul><li>a<div class=note><p>x</div></ul>", "- a\n  > [!NOTE]\n  > x"),
        ("<p class=note>x", "x"),
        ("<div class='alert alert-info' role=alert>x</div>", "> [!NOTE]\n> x"),
        ("<blockquote class='callout callout_warn'><h3 class=callout-heading>Mind</h3><p>x</blockquote>",
         "> [!WARNING]\n> **Mind**\n>\n> x"),
        ("<div data-callout=tip><p>x</div>", "> [!TIP]\n> x"),
    ],
)  # fmt: skip
def test_admonitions_are_alerts(html: str, expected: str) -> None:
    """A warning that reads like any paragraph is not seen."""
    assert main(html) == expected


def test_a_title_of_a_note_is_no_heading() -> None:
    """It would stand in the page's outline."""
    page = "<main><h1>T</h1><div class=note><h3 class=title>Note</h3><p>x</div></main>"

    assert read_page(page.encode(), url=URL).headings == ((1, "T", ""),)


def test_a_power_is_told_from_its_base() -> None:
    """2 to the power of 10 is not 210."""
    assert main("<p>2<sup>10</sup> x<sup>-n</sup> 1<sup>st</sup>") == "2^10 x-n 1st".replace("x-n", "x^-n")
    assert main("<p>5 km<sup>2</sup> (a)<sup>3</sup> <i>n</i><sup>2</sup> macOS<sup>2</sup>") == (
        "5 km^2 (a)^3 *n*^2 macOS2"
    )


def test_one_odd_emphasis_does_not_make_html_of_all() -> None:
    """The renderer falls back to tags for the whole page when one emphasis has no Markdown form."""
    html = "<p>a <em>b</em> c</p><p>style<em>\u2018%\u2019</em> d</p><p>e\xa0<strong>f\xa0</strong> g</p>"

    assert main(html) == "a *b* c\n\nstyle\u2018%\u2019 d\n\ne **f** g"


def test_a_link_that_shows_nothing_leaves_nothing() -> None:
    """`[](…)` is noise to a reader and to a model."""
    assert main("<p>a <a href=x><em></em></a>b <a href=y><img src=z alt=i></a>") == (
        "a b [![i](https://docs.example.com/guide/z)](https://docs.example.com/guide/y)"
    )


def test_a_card_is_a_heading_that_leads_on_and_its_text() -> None:
    """A link cannot hold a heading in Markdown; the heading counts more."""
    card = "<a href=beds><div><h3>Beds</h3><p>Where plants grow.</p></div></a>"

    assert main(card) == "### [Beds](https://docs.example.com/guide/beds)\n\nWhere plants grow."


def test_a_term_is_parted_from_its_type() -> None:
    """Docutils leaves that to the style sheet."""
    html = (
        "<dl><dt><strong>C</strong><span class=classifier>float</span><dd>x<dt>D <span class=classifier>int</span><dd>y"
    )

    assert main(html) == "**C : float**\n\nx\n\n**D int**\n\ny"
