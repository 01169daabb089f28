"""Code, however a generator builds its blocks."""

import pytest

from runnel.extraction.reading import read_page


def main(html: str) -> str:
    return read_page(f"<main>{html}</main>".encode(), url="https://docs.example.com/a").markdown.strip("\n")


@pytest.mark.parametrize(
    "html",
    [
        "<div class=fragment><div class=line><i class=lineno>1</i>if a:</div><div class=line>  b()<br></div></div>",
        "<table class=RktBlk><tr><td>if a:<tr><td>&nbsp; b()</table>",
        "<pre><span class=lineno>1</span>if a:\n<span class=lineno>2</span>  b()</pre>",
        "<pre><span class=line><span class=line-number>1</span>if a:</span>\n<span class=line>  b()</span></pre>",
        "<table><tr><td><pre>1\n2</pre><td><pre>if a:\n  b()</pre></table>",
        "<table><tr><td class=gutter><pre>\n8\n9\n</pre></td><td><pre class=code>if a:\n  b()</pre></table>",
        "<pre><code><span>if a:<br></span><span>  b()<br></span></code></pre>",
        "<table><tr><td><pre>if a:\n  b()</pre></table>",
        "<pre>if a:\n  b()</pre><button>Copy</button>",
        "<pre><div class=line>if a:</div><div class=line>  b()</div></pre>",
        "<pre><code><span class=ln>1</span>if a:\n<span class=ln>2</span>  b()</code></pre>",
        "<pre><div class=language-id>py</div>if a:\n  b()</pre>",
    ],
)
def test_a_block_is_its_lines_and_nothing_else(html: str) -> None:
    """Numbers and buttons in it break what readers paste."""
    assert main(html) == "```\nif a:\n  b()\n```"


def test_numbers_that_are_code_stay() -> None:
    """An output may be nothing but numbers."""
    html = "<table><tr><td><pre>3\n1</pre><td><pre>4\n1</pre></table><pre>1\n2</pre>"

    assert main(html) == "```\n3\n1\n```\n\n```\n4\n1\n```\n\n```\n1\n2\n```"


def test_of_nested_blocks_of_lines_the_innermost_count() -> None:
    """Otherwise each line would come twice."""
    inner = "<table class=RktBlk><tr><td>a<tr><td>b</table>"

    assert main(f"<table class=RktBlk><tr><td>{inner}<tr><td>c</table>") == "```\na\nb\nc\n```"


def test_a_table_with_code_becomes_a_list_of_its_rows() -> None:
    """A cell of pipes holds one line."""
    html = "<table><tr><th>name<th>use<tr><td>open<td><pre>a\nb</pre></table>"

    assert main(html) == "- name\n\n  use\n\n- open\n\n  ```\n  a\n  b\n  ```"


def test_a_row_that_is_a_heading_parts_its_table() -> None:
    """Member lists put their headings into the table."""
    row = "<tr><td>int<td>size"
    html = f"<table><tr><td colspan=2><h2>Public</h2>{row}{row}<tr><td colspan=2><h2>Private</h2>{row}</table>"

    assert main(html) == (
        "## Public\n\n| int | size |\n| --- | --- |\n| int | size |\n\n## Private\n\n| int | size |\n| --- | --- |"
    )


def test_a_table_of_tables_is_only_a_layout() -> None:
    """Its cells hold the text of the page."""
    html = "<table><tr><td><p>one<td><table><tr><th>a<th>b<tr><td>1<td>2</table></table>"

    assert main(html) == "one\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_a_heading_inside_a_link_is_a_heading() -> None:
    """A renderer takes a link for a piece of a line."""
    html = "<a href='#x' id=x><h2>One</h2></a><a href=y><h2>Two</h2></a>"
    reading = read_page(f"<main>{html}</main>".encode(), url="https://docs.example.com/a")

    assert reading.markdown == "## One\n\n## [Two](https://docs.example.com/y)\n"
    assert reading.headings == ((2, "One", "x"), (2, "Two", ""))


@pytest.mark.parametrize(
    "around",
    [
        "<div><div class=head><span>Python</span><button>Copy</button></div>{}</div>",
        "<div><div><span>py</span> <div role=button>Copy code</div></div><div class=body>{}</div></div>",
        "<figure><figcaption>python</figcaption>{}</figure>",
        "<div>{}<div class=toolbar><span>Python</span><span>Copied!</span></div></div>",
        "<div>\n<div>" + " " * 90 + "Copy" + " " * 90 + "</div>\n{}</div>",
    ],
)
def test_a_bar_that_names_the_language_again_is_no_text(around: str) -> None:
    """The fence says it, and nobody can press a button."""
    assert main(f"<p>a</p>{around.format('<pre><code class=language-python>b()</code></pre>')}") == (
        "a\n\n```python\nb()\n```"
    )


@pytest.mark.parametrize(
    "bar",
    [
        "<div>valve.py</div>",
        "<div class=title>Python</div>",
        "<p>Python</p>",
        "<div>Ruby</div>",
        "Python",
        "<div>Copy the valve by hand, then run this</div>",
        "<div>Copy code of python that is longer than any bar above a block of code could be</div>",
        "<div><h3>Python</h3></div>",
        "<div>Copy<img src=i alt=i></div>",
    ],
)
def test_what_else_stands_above_code_stays(bar: str) -> None:
    """The name of a file, a title, a paragraph."""
    said = main(f"<div>{bar}<pre><code class=language-python>b()</code></pre></div>")

    assert said.partition("\n")[0] != "```python"
    assert said.endswith("```python\nb()\n```")


def test_the_bar_of_another_block_is_not_taken() -> None:
    """It stands above the box of one block, not above all."""
    code = "<pre><code class=language-python>b()</code></pre>"

    assert main(f"<div><div>Python</div><p>a</p>{code}</div>").startswith("Python\n\na")
    assert main(f"<section><div>Python</div><section>{code}</section></section>").startswith("Python")
    assert main(f"<div><div>Python</div><div><div><div><div>{code}</div></div></div></div></div>").startswith("Python")


def test_empty_lines_of_a_block_of_elements_stay() -> None:
    """A browser shows each line, and so does an editor."""
    lines = "".join(f"<div class=line>{line}</div>" for line in ("let a", "", "<span>let b</span>", "", "c"))

    assert main(f"<pre><div><code>{lines}</code></div></pre>") == "```\nlet a\n\nlet b\n\nc\n```"


def test_old_highlighters_name_their_brush() -> None:
    """Confluence exports have it in an attribute."""
    assert main("<pre data-syntaxhighlighter-params='brush: py; gutter: false'>b()</pre>") == "```py\nb()\n```"


def test_a_paragraph_whose_white_space_a_style_keeps_is_no_code() -> None:
    """Site builders style all of theirs so."""
    assert main("<p style='white-space:pre-wrap'>a <b>b</b></p><code style='white-space:pre'>c</code>") == (
        "a **b**\n\n`c`"
    )
