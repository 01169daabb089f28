"""How much a page is worth keeping: a score of 0 to 100, and why it is not 100.

Laws: a function of the page's text and title alone; a page is not judged by what it is about, only by whether it says
anything: few words, words that stand for the lack of a page, bytes that are no text. Forty words are a whole page, and
only what is no page at all is worth nothing.
"""

import re
from typing import Final

#: So many words are enough; fewer cost their share.
WHOLE: Final = 40

#: Scripts without spaces between words: so many of their letters make one.
UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
)
LETTERS_A_WORD: Final = 2

#: Titles of pages that are none, and the longest of them (in words).
NOT_FOUND: Final = re.compile(
    r"\W*(?:(?:error\W+)?404\b|(?:(?:page|file|document|this page was)\W+)?not\W+found\b|page\W+does\W+not\W+exist\b"
    r"|page\W+unavailable\b)",
    re.IGNORECASE,
)
LONGEST_NOT_FOUND: Final = 120

#: What stands before a page, not on it.
WALL: Final = re.compile(
    r"(?:verify|confirm|make sure) (?:that )?you(?:'re| are) (?:a )?(?:human|not a robot)|checking your browser before"
    r"|enable javascript and cookies to continue|access denied\b|you (?:don't|do not) have permission to access",
    re.IGNORECASE,
)
LONGEST_WALL: Final = 80

#: What is left of bytes that are no text, and the share of it that spoils a page.
LOST: Final = "\ufffd"
SPOILED_BY: Final = 0.05

#: What says that it is no page is worth nothing; what is hard to read, little.
WORTHLESS: Final = 0
SPOILED: Final = 5


def rate_page(text: str, *, words: int, title: str, heading: str = "") -> tuple[int, str]:
    """Return the score of a page and what keeps it from 100, "" for nothing.

    Args:
        text: of its main part.
        words: how many the text has.
        title: what the page calls itself.
        heading: the first heading of its text.
    """
    if words <= LONGEST_NOT_FOUND and (NOT_FOUND.match(title) or NOT_FOUND.match(heading)):
        return WORTHLESS, "says that there is no such page"
    if words <= LONGEST_WALL and WALL.search(text):
        return WORTHLESS, "stands before the page: a question or a refusal"
    if not text.isascii() and text.count(LOST) > SPOILED_BY * len(text):
        return SPOILED, "could not be decoded"
    if words < WHOLE:
        words = max(words, len(UNSPACED.findall(text)) // LETTERS_A_WORD)
    return (100, "") if words >= WHOLE else (max(words, 1) * 100 // WHOLE, f"{words} words")
