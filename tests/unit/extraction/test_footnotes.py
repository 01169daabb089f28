"""Footnotes, as nine generators write them, come out as GitHub's."""

import html
import re

import pytest
from markdown_it import MarkdownIt

from runnel.extraction.reading import read_page

URL = "https://docs.example.com/a"

#: Generator → a reference, and the notes.
SHAPES = {
    "Sphinx": (
        (
            '<a class="footnote-reference brackets" href="#id3" id="id1" role="doc-noteref">'
            '<span class="fn-bracket">[</span>1<span class="fn-bracket">]</span></a>'
        ),
        (
            '<aside class="footnote-list brackets"><aside class="footnote brackets" id="id3" role="doc-footnote">'
            '<span class="label"><span class="fn-bracket">[</span><a role="doc-backlink" href="#id1">1</a>'
            '<span class="fn-bracket">]</span></span><p>It <em>leaks</em>.</p></aside></aside>'
        ),
    ),
    "Sphinx before 5": (
        '<a class="footnote-reference brackets" href="#id3" id="id1">1</a>',
        (
            '<dl class="footnote brackets"><dt class="label" id="id3"><span class="brackets"><a class="fn-backref" '
            'href="#id1">1</a></span></dt>\n<dd><p>It <em>leaks</em>.</p></dd></dl>'
        ),
    ),
    "Sphinx before 2": (
        '<a class="footnote-reference" href="#id3" id="id1">[1]</a>',
        (
            '<table class="docutils footnote" frame="void" id="id3" rules="none"><colgroup><col class="label"><col>'
            '</colgroup><tbody valign="top"><tr><td class="label"><a class="fn-backref" href="#id1">[1]</a></td>'
            "<td>It <em>leaks</em>.</td></tr></tbody></table>"
        ),
    ),
    "DocBook": (
        '<a href="#ftn.id-1" class="footnote" id="id-1"><sup class="footnote">[1]</sup></a>',
        (
            '<div class="footnotes"><br><hr style="width:100px"><div id="ftn.id-1" class="footnote"><p><a href="#id-1" '
            'class="para"><sup class="para">[1] </sup></a>It <em>leaks</em>.</p></div></div>'
        ),
    ),
    "Asciidoctor": (
        '<sup class="footnote">[<a id="_footnoteref_1" class="footnote" href="#_footnotedef_1">1</a>]</sup>',
        (
            '<div id="footnotes"><hr><div class="footnote" id="_footnotedef_1"><a href="#_footnoteref_1">1</a>. '
            "It <em>leaks</em>.</div></div>"
        ),
    ),
    "Pandoc": (
        '<a href="#fn1" class="footnote-ref" id="fnref1" role="doc-noteref"><sup>1</sup></a>',
        (
            '<section class="footnotes" role="doc-endnotes"><hr><ol><li id="fn1" role="doc-endnote"><p>'
            'It <em>leaks</em>.<a href="#fnref1" class="footnote-back" role="doc-backlink">\u21a9\ufe0e</a>'
            "</p></li></ol></section>"
        ),
    ),
    "Python-Markdown": (
        '<sup id="fnref:1"><a class="footnote-ref" href="#fn:1">1</a></sup>',
        (
            '<div class="footnote"><hr><ol><li id="fn:1"><p>It <em>leaks</em>.&#160;<a class="footnote-backref" '
            'href="#fnref:1" title="Back">&#8617;</a></p></li></ol></div>'
        ),
    ),
    "GitHub": (
        '<sup><a href="#user-content-fn-1" id="user-content-fnref-1" data-footnote-ref="true">1</a></sup>',
        (
            '<section data-footnotes="true" class="footnotes"><ol><li id="user-content-fn-1"><p>It <em>leaks</em>. '
            '<a href="#user-content-fnref-1" data-footnote-backref="">\u21a9</a></p></li></ol></section>'
        ),
    ),
    "mdBook": (
        '<sup class="footnote-reference"><a href="#1">1</a></sup>',
        (
            '<div class="footnote-definition" id="1"><sup class="footnote-definition-label">1</sup>'
            "<p>It <em>leaks</em>.</p></div>"
        ),
    ),
    "MediaWiki": (
        '<sup id="cite_ref-1" class="reference"><a href="#cite_note-1">[1]</a></sup>',
        (
            '<ol class="references"><li id="cite_note-1"><span class="mw-cite-backlink">'
            '<a href="#cite_ref-1">\u2191</a></span> <span class="reference-text">It <em>leaks</em>.</span></li></ol>'
        ),
    ),
    "by hand": (
        '<sup><a id="r1" href="#n1">1</a></sup>',
        '<p><a id="n1" href="#r1">1</a> It <em>leaks</em>.</p>',
    ),
    "Texinfo": (
        '<a id="DOCF1" href="#FOOT1"><sup>1</sup></a>',
        '<div class="footnote"><hr><h5><a id="FOOT1" href="#DOCF1">(1)</a></h5>\n<p>It <em>leaks</em>.</p></div>',
    ),
}


def markdown_of(html: str) -> str:
    return read_page(f"<title>T</title><main>{html}</main>".encode(), url=URL).markdown


@pytest.mark.parametrize("shape", SHAPES)
def test_a_note_stands_at_the_end_and_its_reference_where_it_was(shape: str) -> None:
    """Where the page was made does not matter to who reads it."""
    reference, notes = SHAPES[shape]
    again = reference.replace(" id=", " data-id=")
    markdown = markdown_of(f"<h1>Valves{reference}</h1><p>One.</p>{notes}<p>Two{again}.</p>")

    assert markdown == "# Valves[^1]\n\nOne.\n\nTwo[^1].\n\n[^1]: It *leaks*.\n"


def test_the_outline_does_not_hold_references() -> None:
    """A heading is found by what it says."""
    reference, notes = SHAPES["Sphinx"]
    page = f"<main><h1>Valves{reference}</h1>\n<p>One.</p>{notes}</main>"
    reading = read_page(page.encode(), url=URL)

    assert reading.headings == ((1, "Valves", ""),)
    assert reading.words == 4


def test_a_note_of_several_blocks_is_one_note() -> None:
    """Its further blocks stand four spaces in."""
    notes = "<ol class=footnotes><li id=fn1><p>One <a href='#x'>link</a>.</p><pre>a\n\nb</pre><p>Two.</p></li></ol>"

    assert markdown_of(f"<p>A<a href='#fn1'>1</a></p>{notes}") == (
        "A[^1]\n\n[^1]: One [link](https://docs.example.com/a#x).\n\n    ```\n    a\n\n    b\n    ```\n\n    Two.\n"
    )


@pytest.mark.parametrize(
    "said", ["leaks", "<a href=/x>https://docs.example.com/x</a>", 'leaks "often"', "leaks (often)"]
)
def test_a_note_is_shown_by_readers_that_know_none(said: str) -> None:
    """CommonMark would take a note of one word for where a link leads, and show nothing."""
    markdown = markdown_of(f"<p>A<a href='#fn1'>1</a></p><ol class=footnotes><li id=fn1>{said}</li></ol>")

    assert "[^1]: " in markdown
    assert re.sub("<.*?>", "", said) in html.unescape(MarkdownIt().render(markdown))


def test_labels_are_never_shared() -> None:
    """Each table of a book may count its notes anew, and signs are no labels."""
    notes = "".join(f"<li id=fn{at}>Note {at}</li>" for at in range(4))
    links = "".join(f"<a href='#fn{at}'>{mark}</a> " for at, mark in enumerate(["a", "a", "*", "[a]"]))
    markdown = markdown_of(f"<p>{links}</p><ol class=footnotes>{notes}</ol>")

    assert markdown == ("[^a] [^a-2] [^3] [^a-3]\n\n[^a]: Note 0\n\n[^a-2]: Note 1\n\n[^3]: Note 2\n\n[^a-3]: Note 3\n")


@pytest.mark.parametrize(
    "html",
    [
        "<p>Step <a href='#s2'>2</a></p><div id=s2><p>Turn it.</p></div>",
        "<p>Step <a href='#none'>2</a></p>",
        "<ul class=footnotes><li id=x>See <a href='#x'>1</a></li></ul>",
        "<p>Step <a href='#s2'>2</a></p><h2 id=s2 class=footnote>Two</h2><p>Turn it.</p>",
        "<p>Step <a href='#s2'>2</a></p><dl class=footnote><dt id=s2>Two</dt></dl>",
        "<p>Step <a href='#s2'>2</a></p><div><h2>Notes</h2><table class=footnote id=s2><tr><td>Two<td>b</table></div>",
        "<p>Step <a href='#s2'>2</a></p><div><h2>Notes</h2><blockquote class=footnote id=s2>a</blockquote></div>",
        "<p>Step <a href='#s2'>2</a></p><div class=footnotes id=s2>" + "Turn it. " * 600 + "</div>",
    ],
)
def test_a_number_that_leads_to_a_part_of_the_text_stays_a_link(html: str) -> None:
    """The text must stay where it is."""
    markdown = markdown_of(html)

    assert "[^" not in markdown
    assert "](https://docs.example.com/a#" in markdown


def test_a_wiki_may_call_its_notes_so() -> None:
    """Beside its sources, which are numbered for themselves."""
    reference, notes = SHAPES["MediaWiki"]
    note = reference.replace("[1]", "[note 1]").replace("-1", "-note-1")
    markdown = markdown_of(
        f"<p>A{reference} b{note}</p>{notes}{notes.replace('-1', '-note-1').replace('leaks', 'drips')}"
    )

    assert markdown == "A[^1] b[^1-2]\n\n[^1]: It *leaks*.\n\n[^1-2]: It *drips*.\n"


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ('<a href="p">Pumps</a> leak.', "[Pumps](https://docs.example.com/p) leak."),
        (".NET has it.", ".NET has it."),
        ("(See there.)", "(See there.)"),
        (". It leaks.", "It leaks."),
    ],
)
def test_a_note_keeps_how_it_begins(note: str, expected: str) -> None:
    """Only what is left of its mark goes, not the bracket of a link."""
    reference, _ = SHAPES["Sphinx"]
    page = (
        f'<main><p>It opens.{reference}</p><aside class="footnote-list"><aside class="footnote" id="id3" '
        f'role="doc-footnote"><span class="label"><span class="fn-bracket">[</span><a role="doc-backlink" '
        f'href="#id1">1</a><span class="fn-bracket">]</span></span><p>{note}</p></aside></aside></main>'
    )

    assert read_page(page.encode(), url=URL).markdown.endswith(f"[^1]: {expected}\n")


def test_a_note_that_two_references_lead_to_has_no_marks_of_them() -> None:
    """Sphinx writes "(1,2)" before it, and each leads back."""
    page = (
        '<main><p>a<a class="footnote-reference brackets" href="#n" id="r1" role="doc-noteref">1</a> '
        'b<a class="footnote-reference brackets" href="#n" id="r2" role="doc-noteref">1</a></p>'
        '<aside class="footnote brackets" id="n" role="note"><span class="label">1</span><span class="backrefs">'
        '(<a role="doc-backlink" href="#r1">1</a>,<a role="doc-backlink" href="#r2">2</a>)</span><p>It leaks.</p>'
    )

    assert read_page(page.encode(), url=URL).markdown == "a[^1] b[^1]\n\n[^1]: It leaks.\n"
