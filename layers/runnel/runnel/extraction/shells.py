"""Pages that a browser has yet to build: a place to mount a program, the program, and no text.

Laws: only a page of few words is asked for; a mount that holds text was filled by its server; a page that has a few
words of its own beside mount, header and footer is a short page, whatever it asks of a browser.
"""

import re
from typing import Final

import turbohtml

from runnel.extraction.charset import parse_html

#: A page with more words in its main part has been built.
MOST_WORDS: Final = 40

#: Where programs mount: React, Vue, Next, Nuxt, Gatsby, Svelte, Ember, Docusaurus, Quasar, Angular, Flutter.
MOUNTS: Final = (
    "#root, #app, #__next, #__nuxt, #___gatsby, #svelte, #ember-app, #__docusaurus, #q-app, #react-root, #app-root, "
    "#app-mount, #main-app, app-root, flt-glass-pane, [ng-app], [data-reactroot]"
)

#: What stands in a mount until the program comes.
LOADING: Final = re.compile(r"(?:loading|please wait|one moment|starting|initiali[sz]ing)\b|[\W_]*$", re.IGNORECASE)
MOST_LOADING: Final = 8

#: How pages ask for JavaScript, in no more words than these.
ASKS: Final = re.compile(
    r"(?:enable|requires?|needs?|without|turn on|activate|use|run|with)\W+(?:\w+\W+){0,2}java\s?script"
    r"|java\s?script\W+(?:\w+\W+){0,4}(?:enabled|required|disabled|turned off|needed)",
    re.IGNORECASE,
)
MOST_ASKING: Final = 30

#: A page with more words of its own than these is a short page.
MOST_OWN: Final = 3

#: Text that nobody reads, and what stands around a program.
UNREAD: Final = "script, style, template, noscript, svg, header, footer, nav"
HEADINGS: Final = "h1, h2, h3"


def is_shell(body: bytes, *, charset: str | None, words: int) -> bool:
    """Say whether a page with so few *words* in its main part is to be built by its scripts."""
    if words > MOST_WORDS or b"<script" not in body.lower():
        return False
    page = parse_html(body, charset=charset).select_one("body")
    if page is None:
        return not words
    asks = any(ASKS.search(each.text) for each in page.select("noscript"))
    page.remove(UNREAD)
    waiting = [mount for mount in page.select(MOUNTS) if _waits(mount)]
    for mount in waiting:
        mount.decompose()
    text = " ".join(page.stripped_strings)
    if page.select_one(HEADINGS) is None and (_asks(text) or _is_promise(text, MOST_OWN)):
        return True
    return len(text.split()) <= (MOST_OWN if asks or waiting else 0)


def _waits(mount: turbohtml.Element) -> bool:
    """Say whether a mount holds nothing, or only says that something will come."""
    text = mount.text.strip()
    return _is_promise(text) or _asks(text)


def _is_promise(text: str, most_words: int = MOST_LOADING) -> bool:
    """Say whether *text* only says that something will come, or nothing."""
    return len(text.split()) <= most_words and LOADING.match(text) is not None


def _asks(text: str) -> bool:
    return ASKS.search(text) is not None and len(text.split()) <= MOST_ASKING
