"""What of a page fits into the crawler's answer: links and text are cut, and that is said."""

import json
from bisect import bisect_right
from itertools import accumulate
from typing import Final

from runnel.fetching.canonical import MAX_URL_LENGTH

#: Quotes and comma.
_AROUND_A_LINK_BYTES: Final = 3


def cut_links(links: tuple[str, ...], most: int, budget_bytes: int) -> tuple[tuple[str, ...], bool]:
    """Keep as many links as *budget_bytes* hold, at most *most*; say whether that cut some off."""
    kept = links[:most]
    if len(kept) * (MAX_URL_LENGTH + _AROUND_A_LINK_BYTES) <= budget_bytes:
        return kept, len(kept) < len(links)
    ends_bytes = list(accumulate(len(link) + _AROUND_A_LINK_BYTES for link in kept))
    kept = kept[: bisect_right(ends_bytes, budget_bytes)]
    return kept, len(kept) < len(links)


def cut_text(body: bytes, budget_bytes: int) -> str:
    """Read as UTF-8 as much as the answer holds; JSON may need six bytes for one."""
    text = body[:budget_bytes].decode("utf-8-sig", errors="replace")
    if len(json.dumps(text)) <= budget_bytes:
        return text
    return text[: budget_bytes // 6]
