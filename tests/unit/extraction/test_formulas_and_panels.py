"""Formulas keep their TeX; tabs and folded parts keep their labels."""

import pytest

from runnel.extraction.maths import restore_formulas
from runnel.extraction.reading import read_page


def main(html: str) -> str:
    return read_page(f"<main>{html}</main>".encode(), url="https://docs.example.com/a").markdown.strip()


TEX = "<annotation encoding='application/x-tex'>x_1 \\le *y*</annotation>"


@pytest.mark.parametrize(
    "html",
    [
        f"<math><mi>x</mi>{TEX}</math>",
        "<math alttext='x_1 \\le *y*'><mi>x</mi></math>",
        f"<span class=katex><span><math><mi>x</mi>{TEX}</math></span><span class=katex-html>x1</span></span>",
        "<span class=MathJax_Preview>x1</span><script type='math/tex'>x_1 \\le *y*</script>",
        "<span class=math>\\(x_1\n \\le *y*\\)</span>",
        "<span class=arithmatex>\\(x_1 \\le *y*\\)</span>",
    ],
)
def test_a_formula_is_its_tex(html: str) -> None:
    """Its letters without their signs are no formula."""
    assert main(f"<p>a {html} b</p>") == "a $x_1 \\le *y*$ b"


@pytest.mark.parametrize(
    "html",
    [
        f"<span class=katex-display><span class=katex><math>{TEX}</math></span></span>",
        f"<math display=block>{TEX}</math>",
        "<script type='math/tex; mode=display'>x_1 \\le *y*</script>",
        "<div class=math>\\[x_1 \\le *y*\\]</div>",
        "<div class=math>$$x_1 \\le *y*$$</div>",
    ],
)
def test_a_formula_on_its_own_line_stays_there(html: str) -> None:
    """It is a paragraph of its own."""
    assert main(f"<p>a</p>{html}<p>b</p>") == "a\n\n$$x_1 \\le *y*$$\n\nb"


def test_without_tex_the_text_stays() -> None:
    """A guess at TeX would be worse than none."""
    assert main("<p><math><mi>x</mi></math> <span class=math>y</span>") == "x y"
    assert restore_formulas("\ue0f47\ue0f5", ["$a$"]) == ""


def test_each_panel_is_headed_by_its_label() -> None:
    """All of a set's text comes out at once, and nobody can click."""
    html = (
        "<div><div role=tablist><button role=tab id=a>One</button><button role=tab id=b>Two</button></div>"
        "<div><div role=tabpanel aria-labelledby=b hidden><p>second</div><div role=tabpanel><p>other</div></div></div>"
    )

    assert main(html) == "**Two**\n\nsecond\n\n**Two**\n\nother"


def test_panels_without_labels_of_their_own_stay_as_they_are() -> None:
    """To guess which label is whose would put words into mouths."""
    assert main("<div role=tabpanel><p>x</div>") == "x"
    assert main("<div><i role=tab>A</i><i role=tab>B</i><div role=tabpanel><p>x</div></div>").endswith("x")
    assert main("<div><i role=tab></i><div role=tabpanel><p>x</div></div>") == "x"


def test_a_folded_part_is_told_in_full() -> None:
    """Its line is bold, unless it is a heading already."""
    assert main("<details><summary><p>More <b>x</b></p></summary>text</details>") == "**More x**\n\ntext"
    assert main("<details><summary><h3>More</h3></summary><p>text</details>") == "### More\n\ntext"


def test_labels_that_are_no_roles_head_their_panels_too() -> None:
    """Sets of sphinx-design, and code tabs whose panels are the blocks themselves."""
    tabs = "".join(
        f"<label class=sd-tab-label>{name}</label><div class=sd-tab-content><p>{name}s</p></div>" for name in "AB"
    )
    code = "".join(f"<pre><code class=lang-{name}>{name}</code></pre>" for name in ("py", "js"))
    bar = "<div class=CodeTabs-toolbar><button>Python</button><button>Node</button></div>"

    assert main(f"<div class=sd-tab-set>{tabs}</div>") == "**A**\n\nAs\n\n**B**\n\nBs"
    assert main(f"<div class=CodeTabs>{bar}<div class=CodeTabs-inner>{code}</div></div>") == (
        "**Python**\n\n```py\npy\n```\n\n**Node**\n\n```js\njs\n```"
    )


@pytest.mark.parametrize(
    ("opener", "expected"),
    [("<h3>{}</h3>", "### Why?\n\nIt leaks."), ("<div>{}</div>", "**Why?**\n\nIt leaks.")],
)
@pytest.mark.parametrize("how", ["hidden", "style='display:none'", "data-state=closed hidden", ""])
def test_what_a_button_opens_is_told_under_its_title(opener: str, expected: str, how: str) -> None:
    """Questions and answers are built so."""
    button = "<button aria-expanded=false aria-controls=p>Why?</button>"

    assert main(f"{opener.format(button)}<div id=p role=region {how}><p>It leaks.</p></div>") == expected


@pytest.mark.parametrize(
    "menu",
    [
        "<button aria-controls=m>Menu</button><ul id=m><li><a href=a>Alpha</a><li><a href=b>Beta</a></ul>",
        "<button aria-controls=nobody>Menu</button>",
        "<button aria-controls=m></button><div id=m></div>",
        "<button aria-controls=m>Menu</button><div id=m>Nothing</div>",
    ],
)
def test_the_button_of_a_menu_is_none(menu: str) -> None:
    """Only what holds text has a title."""
    assert "Menu" not in main(f"<p>seen</p>{menu}")
