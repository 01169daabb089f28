"""What an `llms.txt` lists: the links of a Markdown file that a site has written for language models.

Laws (tests/unit/fetching/test_llms.py): any bytes give links or `FetchFailed`; a file that is no such list (an HTML
page in its place, a text without a heading or without a link) is refused; each address comes once, in order.
"""

import re
from typing import Final

from runnel.domain.verdicts import ErrorCategory
from runnel.errors import FetchFailed
from runnel.fetching.canonical import canonicalize

#: Where a site has it.
LLMS_TXT: Final = "llms.txt"
#: It, and what holds the whole site in one file: the twin of no page.
LISTS: Final = frozenset({LLMS_TXT, "llms-full.txt"})

#: `[text](address "title")`, `[text](<address>)`, or `<address>`; nothing here can be read in two ways.
_LINK: Final = re.compile(r"\]\(\s*<?([^\s<>()]{1,4096})|<(https?://[^\s<>]{1,4096})>")
_HEADING: Final = re.compile(r"^# *\S", re.MULTILINE)


def parse_llms(body: bytes, *, url: str, most: int) -> tuple[tuple[str, ...], bool]:
    """Give the canonical addresses that the file at *url* links to, at most *most*, and whether some are left out.

    Raises:
        FetchFailed: it is no such file (decode).
    """
    text = body.decode("utf-8-sig", errors="replace").lstrip()
    if text.startswith("<") or _HEADING.search(text) is None:
        raise FetchFailed(ErrorCategory.DECODE, "the file is no llms.txt: it has no heading of Markdown")
    found = dict.fromkeys(canonicalize(first or second, base=url) for first, second in _LINK.findall(text))
    links = tuple(link for link in found if link is not None and link.rsplit("/", 1)[-1] not in LISTS)
    if not links:
        raise FetchFailed(ErrorCategory.DECODE, "the llms.txt links to nothing")
    return links[:most], len(links) > most
