"""One page, read once: bytes in, everything that a crawl wants to know out, from one tree.

Laws: both readings say the same of the same bytes but for what rendering adds (`markdown`, its hash and packed form,
and the marks that nobody sees in `hidden`); any bytes give a reading or `PageUnreadable`; equal bytes give an equal
reading, packed form included.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

import turbohtml

from runnel.errors import PageUnreadable
from runnel.extraction.admonitions import BOXES, mark_admonitions
from runnel.extraction.breadcrumbs import find_breadcrumbs
from runnel.extraction.charset import parse_html
from runnel.extraction.chunks import count_chunks
from runnel.extraction.code_blocks import LINED_BLOCKS, mend_code_blocks
from runnel.extraction.contents import Contents
from runnel.extraction.controls import drop_controls, short_line
from runnel.extraction.footnotes import Footnote, take_footnotes
from runnel.extraction.framesets import open_frameset
from runnel.extraction.furniture import FURNITURE
from runnel.extraction.headings import LEVELS, drop_marks, take_headings
from runnel.extraction.hidden import TOLD, UNRENDERED, strip_hidden, strip_unrendered
from runnel.extraction.learning import PageMarks, name_blocks
from runnel.extraction.limits import check_depth, check_size
from runnel.extraction.links import FoundLinks, LinkResolver, find_base, find_links
from runnel.extraction.main_part import choose_main_part
from runnel.extraction.markdown import RENDERED, render_markdown
from runnel.extraction.maths import FORMULAS, mark_formulas, restore_formulas
from runnel.extraction.metadata import Metadata, Refresh, does_script_lead_to, read_metadata
from runnel.extraction.page import Heading, Hidden, PageReading, pack_markdown
from runnel.extraction.panels import SETS, label_panels
from runnel.extraction.profile import NO_PROFILE, SiteProfile, find_repeated, marks_of, present_marks
from runnel.extraction.quality import rate_page
from runnel.extraction.shells import is_shell
from runnel.extraction.spaces import NO_BREAK_SPACE
from runnel.extraction.tables import GRIDS, make_grids_tables, open_layout_tables
from runnel.extraction.titles import cut_title, find_version

#: What is asked of a tree before it changes, for links alone and for Markdown too.
ASKED: Final = (
    *BOXES,
    *LEVELS,
    *FURNITURE,
    *LINED_BLOCKS,
    *FORMULAS,
    *SETS,
    *UNRENDERED,
    *GRIDS,
    "a[hreflang]",
    "header",
    "table",
)
RENDERED_TOO: Final = tuple(dict.fromkeys((*ASKED, *RENDERED)))

#: Maps the bytes of ASCII's white space to a space, and all others to an x; beside it only no-break spaces are real.
SPACES_AND_OTHERS: Final = bytes(ord(" ") if byte in b" \t\n\r\v\f" else ord("x") for byte in range(256))


def read_page(body: bytes, *, url: str, charset: str | None = None, profile: SiteProfile = NO_PROFILE) -> PageReading:
    """Read all of a page, Markdown included; raises `PageUnreadable`.

    Args:
        url: the page's own address, after redirects.
        charset: what the HTTP header named, if it did.
        profile: what the site repeats on its pages.
    """
    return _read(body, url=url, charset=charset, profile=profile, render=True)


def read_links(body: bytes, *, url: str, charset: str | None = None, profile: SiteProfile = NO_PROFILE) -> PageReading:
    """Read all of a page but its Markdown; raises `PageUnreadable`."""
    return _read(body, url=url, charset=charset, profile=profile, render=False)


def read_marks(body: bytes, *, charset: str | None) -> PageMarks:
    """Read what a page of a sample tells about its site; raises `PageUnreadable`."""
    with _refusing():
        check_size(body)
        return marks_of(body, charset=charset)


def read_present(body: bytes, *, charset: str | None, asked: Collection[str]) -> frozenset[str]:
    """Read which of the *asked* blocks stand on a page; raises `PageUnreadable`."""
    with _refusing():
        check_size(body)
        return present_marks(body, charset=charset, asked=asked)


def _read(body: bytes, *, url: str, charset: str | None, profile: SiteProfile, render: bool) -> PageReading:
    with _refusing():
        check_size(body)
        tree = parse_html(body, charset=charset)
        check_depth(tree, body)
        reading = _read_tree(tree, body, url=url, profile=profile, render=render)
        if is_shell(body, charset=charset, words=reading.words):
            return replace(reading, is_empty=True, is_shell=True)
        return reading


#: A page of more words is no mere signpost.
MOST_STUB_WORDS: Final = 20


@contextmanager
def _refusing() -> Iterator[None]:
    """Say of a page that is beyond the parser that it cannot be read."""
    try:
        yield
    except MemoryError as exc:
        raise PageUnreadable("The page takes more memory to read than it may.", category="too_large") from exc
    except (ValueError, RecursionError) as exc:  # what the parser raises on a page beyond it
        raise PageUnreadable(f"The page could not be read: {exc}") from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class _Main:
    """What the main part says."""

    headings: tuple[Heading, ...] = ()
    text: str = ""
    whole_text: str = ""  # with what the site repeats
    markdown: str = ""
    hidden: tuple[Hidden, ...] = ()
    is_wide: bool = False


def _read_main(
    tree: turbohtml.Document,
    contents: Contents,
    resolver: LinkResolver,
    *,
    title: str,
    profile: SiteProfile,
    render: bool,
) -> _Main:
    unrendered = strip_unrendered(tree, contents)
    formulas = mark_formulas(tree, contents)  # first of all: some are scripts
    label_panels(tree, contents)  # before the furniture, for the labels of tabs are buttons
    part = choose_main_part(tree, contents, title)
    if part is None:
        opened = open_frameset(tree, title=title)
        if opened is None:
            return _Main()
        theirs = Contents(opened, RENDERED_TOO if render else ASKED)
        return _read_main(opened, theirs, resolver, title=title, profile=profile, render=render)
    main = part.element
    repeated = find_repeated(main, profile)
    hidden = strip_hidden(main)
    links = main.select('a[href^="#"]')
    notes = take_footnotes(main, links)
    drop_marks(links)
    mend_code_blocks(main, contents)
    if contents.any_of(*GRIDS):
        make_grids_tables(main)
    if contents.any_of("table") and main.select_one("table") is not None:
        open_layout_tables(main)
    mark_admonitions(main, contents)  # before the headings: the title of a note is none
    headings = take_headings(main, contents, title)
    text = whole_text = _text_of(main, notes)
    if repeated:
        headings = _remove(repeated, main, headings)
        text = _text_of(main, notes)
    markdown, unseen = render_markdown(main, contents, resolver, notes=notes, text=text) if render else ("", ())
    return _Main(
        headings=headings,
        text=text,
        whole_text=whole_text,
        markdown=restore_formulas(markdown, formulas),
        hidden=((*hidden, *unrendered)[:TOLD] + unseen),
        is_wide=part.is_wide,
    )


def _text_of(main: turbohtml.Element, notes: Sequence[Footnote]) -> str:
    return "\n".join([main.text, *(note.block.text for note in notes)]) if notes else main.text


def _remove(
    blocks: tuple[turbohtml.Element, ...], main: turbohtml.Element, headings: tuple[Heading, ...]
) -> tuple[Heading, ...]:
    """Take *blocks* out of *main*; returns those of its *headings* that are left."""
    for block in blocks:
        if block.closest("body") is not None:
            block.decompose()
    left = Counter(short_line(heading.text) for heading in main.select(", ".join(LEVELS)))
    kept = []
    for heading in headings:
        if left[heading[1]]:
            left[heading[1]] -= 1
            kept.append(heading)
    return tuple(kept)


def count_words(text: str, data: bytes) -> int:
    """Return how many runs of other than white space *text*, in UTF-8 *data*, has; splitting makes a string of each."""
    if NO_BREAK_SPACE in text:
        data = text.replace(NO_BREAK_SPACE, " ").encode("utf-8", "replace")
    flat = data.translate(SPACES_AND_OTHERS)
    return flat.count(b" x") + flat.startswith(b"x")


def _detour(tree: turbohtml.Document, facts: Metadata, found: FoundLinks) -> Refresh | None:
    """Return where a page sends those without scripts, if its script or a link sends all others there too.

    That is how the versions of a site are chosen at its root; what leads elsewhere is a page that asks for JavaScript.
    """
    refresh = facts.without_scripts
    if refresh is None or not (refresh.target in found.links or does_script_lead_to(tree, refresh.written)):
        return None
    return refresh


def _read_tree(tree: turbohtml.Document, body: bytes, *, url: str, profile: SiteProfile, render: bool) -> PageReading:
    """Read in the one order that works: links and facts first, for the rest takes the tree apart."""
    contents = Contents(tree, RENDERED_TOO if render else ASKED)
    resolver = LinkResolver(find_base(tree, body, url=url), encoding=tree.encoding)
    found = find_links(tree, resolver)
    facts = read_metadata(tree, resolver)
    detour = _detour(tree, facts, found)
    breadcrumbs = find_breadcrumbs(tree, contents)
    main = _read_main(tree, contents, resolver, title=facts.title, profile=profile, render=render)
    said = main.text.encode("utf-8", "replace")
    whole = said if main.whole_text is main.text else main.whole_text.encode("utf-8", "replace")
    words = count_words(main.text, said)
    refresh = facts.refresh or (detour if words <= MOST_STUB_WORDS else None)
    heading = main.headings[0][1] if main.headings else ""
    title, rest = cut_title(facts.title, heading=heading, site=facts.site)
    quality, quality_reason = rate_page(main.text, words=words, title=title, heading=heading)
    packed = drop_controls(main.markdown.encode("utf-8", "replace"))  # undecodable text cannot leave the parser
    return PageReading(
        title=title,
        description=facts.description,
        lang=facts.lang,
        modified=facts.modified,
        version=facts.version or find_version(rest),
        breadcrumbs=breadcrumbs,
        links=found.links,
        links_truncated=found.truncated,
        nofollow_links=found.nofollow,
        nofollow=facts.nofollow,
        noindex=facts.noindex,
        canonical=facts.canonical,
        refresh=refresh.target if refresh else None,
        refresh_s=refresh.seconds if refresh else 0.0,
        headings=main.headings,
        hidden=main.hidden,
        is_wide=main.is_wide,
        twin=found.twin,
        words=words,
        is_empty=not main.whole_text.strip(),
        quality=quality,
        quality_reason=quality_reason,
        chunks=count_chunks(packed) if render else 0,
        profile=name_blocks(profile.blocks),
        # Of the whole text: which pages are one must not depend on when their profile was known.
        text_hash=hashlib.blake2b(whole, digest_size=8).hexdigest(),
        body_hash=hashlib.sha256(body).hexdigest(),
        utf8=packed,
        content_hash=hashlib.sha256(packed).hexdigest() if render else "",
        markdown_gz=pack_markdown(packed) if render else b"",
    )
