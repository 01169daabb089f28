"""No-break spaces: written as spaces in prose; in code blocks they stay, as all of it does.

Law: it matters where one stands. At the edge of an emphasis it makes the renderer write every emphasis of the page as
HTML, and beside white space it must vanish; in the tree all that comes right. Between two words it is a matter of one
character (the renderer escapes the number of a list before it, too), and to replace that in the Markdown is
far cheaper.
"""

from itertools import pairwise
from typing import Final

import turbohtml

NO_BREAK_SPACE: Final = "\xa0"

#: How the renderer writes one in a heading.
REFERENCE: Final = "&#160;"

#: Upwards from the text costs half of what downwards from every element does.
HOLDS_NO_BREAK_SPACE: Final = './/text()[contains(., "\xa0")]/..'

#: What may stand before a no-break space beside letters and digits for it to be between words; a mark may follow it.
ENDS_WORD: Final = ".,:;)"
OPENS_CODE: Final = "`"


def are_between_words(text: str) -> bool:
    """Return whether each no-break space of *text* has a word on either side."""
    return REFERENCE not in text and all(
        _ends_word(before) and _begins_word(after) for before, after in pairwise(text.split(NO_BREAK_SPACE))
    )


def replace_in_markdown(markdown: str, main: turbohtml.Element) -> str | None:
    """Return *markdown*, the rendering of *main*, with spaces for no-break spaces; None when the tree must be asked."""
    markdown = markdown.replace(REFERENCE, NO_BREAK_SPACE)
    if not are_between_words(markdown):
        return None
    if "```" in markdown and any(NO_BREAK_SPACE in block.text for block in main.select("pre")):
        return None
    return markdown.replace(NO_BREAK_SPACE, " ")


def replace_in_tree(main: turbohtml.Element) -> None:
    """Write the no-break spaces of the prose in *main* as spaces."""
    for element in main.xpath_iter(HOLDS_NO_BREAK_SPACE):
        if not isinstance(element, turbohtml.Element) or element.closest("pre") is not None:
            continue
        for child in element.children:
            if isinstance(child, turbohtml.Text):
                child.data = child.data.replace(NO_BREAK_SPACE, " ")


def _ends_word(before: str) -> bool:
    last = before[-1:]
    return last.isalnum() or (last != "" and last in ENDS_WORD)


def _begins_word(after: str) -> bool:
    return after[:1].isalnum() or after[:1] == OPENS_CODE
