"""Markdown twins: whether a page's is fetched, and which pages an address of Markdown may belong to."""

from typing import Final, Literal

#: Never, where the page declares one, or of every page.
MarkdownTwins = Literal["off", "declared", "ask"]

_ENDING: Final = ".md"
_INDEXES: Final = ("index.html", "index.htm", "index")


def is_markdown_name(url: str) -> bool:
    """Whether the path of a URL ends as that of a Markdown file; those that list a site's pages are of the kind."""
    return url.partition("?")[0].lower().endswith((_ENDING, ".markdown", "/llms.txt", "/llms-full.txt"))


def pages_of_twin(url: str) -> tuple[str, ...]:
    """The pages whose Markdown may stand at *url*, by llmstxt.org: `.md` behind the page's URL, the likeliest first.

    A page without a file name has its Markdown at `index.html.md`; sites also write `index.md`, and `x.md` for `x.html`
    or `x/`.
    """
    if "?" in url or not url.endswith(_ENDING):
        return ()
    page = url.removesuffix(_ENDING)
    folder, _, name = page.rpartition("/")
    if not name:
        return ()
    if name in _INDEXES:
        return (f"{folder}/", folder, *(f"{folder}/{index}" for index in _INDEXES))
    if name.endswith((".html", ".htm")):
        return (page,)
    return (page, f"{page}.html", f"{page}/", f"{page}.htm")
