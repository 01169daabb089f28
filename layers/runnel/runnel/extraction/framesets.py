"""Pages of frames: what such a page shows are the pages in its frames, so a list of them is its text.

Each frame is a link of the page as well, so the pages are crawled. What stands in `<noframes>` is for nobody's browser.
"""

from html import escape

import turbohtml

from runnel.extraction.charset import parse_html


def open_frameset(tree: turbohtml.Document, *, title: str) -> turbohtml.Document | None:
    """Give a page that lists the frames of *tree* under its *title*; None when it is no page of frames."""
    if tree.select_one("frameset") is None:
        return None
    frames = "".join(map(_entry, tree.select("frame[src]")))
    page = f"<body><main><h1>{escape(title)}</h1><ul>{frames}</ul></main>" if frames else ""
    return parse_html(page.encode("utf-8", "replace"), charset="utf-8") if page else None


def _entry(frame: turbohtml.Element) -> str:
    source = str(frame.attrs.get("src") or "")
    name = str(frame.attrs.get("title") or frame.attrs.get("name") or source)
    return f'<li><a href="{escape(source)}">{escape(name)}</a></li>'
