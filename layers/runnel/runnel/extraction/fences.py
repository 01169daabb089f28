"""The prose around fenced code, of Markdown that this renderer wrote: its fences are of backticks."""

import re
from collections.abc import Callable
from typing import Final

ANY_FENCE: Final = "```"
FENCE: Final = re.compile(r"^[ >\t]*(?:[-*+] +|\d+[.)] +)*[ >\t]*(`{3,})")


def change_prose(text: str, change: Callable[[str], str], *, fence: str = "") -> tuple[str, str]:
    """Return *text* with each line beside its code changed, and the fence that is open behind it; *fence* is before."""
    lines = []
    for line in text.split("\n"):
        if fence:
            lines.append(line)
            fence = "" if line.strip(" >\t") == fence else fence
        else:
            found = FENCE.match(line) if ANY_FENCE in line else None
            lines.append(line if found else change(line))
            fence = found[1] if found else ""
    return "\n".join(lines), fence
