"""Whether a page's Markdown twin is fetched."""

from typing import Literal

#: Never, where the page declares one, or of every page.
MarkdownTwins = Literal["off", "declared", "ask"]
