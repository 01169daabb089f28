"""How much of a page is still a page: no more tags, and no deeper, than anything written for readers has.

Laws (tests/unit/extraction/test_limits.py): a page beyond a limit is refused as `too_large`, before the work that would
grow with its square. What tags multiply to while they are parsed cannot be foreseen here: for that the reader's process
has a memory and a time of its own.
"""

from typing import Final

import turbohtml

from runnel.errors import PageUnreadable

#: Tags of a page, each an element at most; every opening bracket counts as one.
MAX_NODES: Final = 1_000_000

#: Elements one in another, the root included; browsers stop nesting there too.
MAX_DEPTH: Final = 512

#: A path from the root visits each element once; a selector is matched from each upwards, in half as much time again.
_TOO_DEEP: Final = f"boolean({'/*' * (MAX_DEPTH + 1)})"
#: No tag is shorter.
_LEAST_TAG_BYTES: Final = len("<a>")


def check_size(body: bytes) -> None:
    """Raise `PageUnreadable` (too_large) for a page of too many tags."""
    if len(body) > _LEAST_TAG_BYTES * MAX_NODES and body.count(b"<") > MAX_NODES:
        raise PageUnreadable(f"The page has more than {MAX_NODES:,} tags.", category="too_large")


def check_depth(tree: turbohtml.Document, body: bytes) -> None:
    """Raise `PageUnreadable` (too_large) for a page whose elements lie too deep in each other."""
    if len(body) > _LEAST_TAG_BYTES * MAX_DEPTH and tree.xpath(_TOO_DEEP):
        raise PageUnreadable(f"The page's elements lie more than {MAX_DEPTH} deep.", category="too_large")
