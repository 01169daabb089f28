"""Text that a page hides from its readers: taken out, and told, for it may be meant for a machine.

Laws: what an inline style, or `hidden`, keeps from every reader is removed, but for what a click or a script shows
(panels of tabs, code in other languages, parts that fade in) and for the page itself, its title in it, which is cloaked
until its program runs. What is no part of the page until then (`template`, `noscript`, a closed dialog) goes. Marks
without width, and marks that turn the direction of writing, leave the prose, never code. What is told of it is bounded,
on one line and printable, whatever the page hides. What a style sheet hides is not known.
"""

import re
import sys
from collections.abc import Iterator
from functools import cached_property, lru_cache, partial
from typing import Final

import turbohtml

from runnel.extraction.contents import Contents
from runnel.extraction.fences import change_prose
from runnel.extraction.metadata import one_line
from runnel.extraction.page import Hidden

#: How an inline style hides: nothing shown, no size, outside of every screen. The group's name is the kind.
LENGTH: Final = r"(?:px|em|rem|ex|ch|pt|%|vw|vh)?"
NO_SIZE: Final = rf"0*(?:\.0*)?0{LENGTH}(?![.\d\w%])"
END: Final = r"\s*(?:!\s*important\s*)?(?:;|$)"
HIDES: Final = re.compile(
    r"(?P<not_displayed>(?<![\w-])display\s*:\s*none|content-visibility\s*:\s*hidden)"
    r"|(?P<invisible>visibility\s*:\s*(?:hidden|collapse)|(?<![\w-])opacity\s*:\s*0?(?:\.0*)?0?%?" + END + r"|"
    r"filter\s*:\s*opacity\(\s*0%?\s*\)|(?<![\w-])color\s*:\s*(?:transparent|(?:rgb|hsl)a\([^)]*[,/]\s*0(?:\.0*)?%?\s*\)))"
    r"|(?P<off_screen>(?<![\w-])(?:left|top|right|bottom|text-indent|margin(?:-left|-top)?)\s*:\s*"
    r"-(?:\d{3,}|[2-9]\d(?:\.\d+)?(?:em|rem|vw|vh))"
    r"|clip\s*:\s*rect\(\s*[01](?:px)?[\s,]+[01](?:px)?[\s,]|clip-path\s*:\s*(?:inset\(\s*(?:50|100)%|circle\(\s*0)"
    r"|translate[xy3d]*\([^)]*-\d{3,})"
    rf"|(?P<no_size>font-size\s*:\s*(?:{NO_SIZE}|(?:[01](?:\.\d+)?|\.\d+)px(?!\w))|(?<![\w-])font\s*:\s*0(?![.\d])"
    rf"|(?:^|[;\s])(?:max-)?(?:height|width)\s*:\s*{NO_SIZE}|scale[xy3d]*\(\s*0(?:\.0*)?\s*[,)])"
)
#: Two colours of one style: the same for letters and ground show nothing.
COLOURS: Final = re.compile(r"(?<![\w-])(background(?:-color)?|color)\s*:\s*([^;!]+)")
#: A comment, and an escape, with which CSS spells what it means.
CSS_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|$)", re.DOTALL)
CSS_ESCAPE: Final = re.compile(r"\\([0-9a-f]{1,6})\s?")
#: What a script is to show: it moves or fades in; letters that show their ground have that painted on them.
FADES_IN: Final = re.compile(r"transform|transition|animation|will-change")
PAINTED: Final = re.compile(r"background(?:-image|-clip)?\s*:[^;]*(?:gradient|text|url)")

#: The kinds that no style names.
ATTRIBUTE: Final = "attribute"
COMMENT: Final = "comment"
UNRENDERED_KIND: Final = "not_rendered"
ZERO_WIDTH: Final = "zero_width"
DIRECTION: Final = "direction"
TAGS: Final = "tag_characters"

#: Elements of code within a line, unless it is of several.
CODE: Final = frozenset({"code", "samp", "kbd", "tt"})

#: Names of what a click shows.
SHOWN_BY_A_CLICK: Final = re.compile(
    r"(?:^|[\s_-])(?:tabs?|tabbed|panels?|pane|toggle\w*|details|answer)(?=$|[\s_\d-])"
    r"|tab-?(?:panel|pane|content|item|box)|codetoggle|collapse|collapsible|accordion|spoiler|expand",
    re.IGNORECASE,
)
#: What a click on it shows something.
OPENERS: Final = "[data-target], [data-bs-target], [data-toggle], [data-bs-toggle], [onclick]"
OPENS: Final = ("data-target", "data-bs-target", "href", "onclick")

#: Blocks that a web component takes its parts from.
OF_PROGRAM: Final = frozenset({"dl", "ul", "ol", "section", "pre", "table"})

NAME: Final = re.compile(r"[\w:.-]+")

#: What is no part of a page until a program takes it, and how `noscript` mostly asks for one.
UNRENDERED: Final = ("template", "noscript", "dialog")
ASKS: Final = re.compile(r"java\s?script|cookies", re.IGNORECASE)

#: Marks that nobody sees, by kind. Of those without width the joiners stay, which scripts and emoji need; the soft
#: hyphen is among them. Tags spell ASCII that a model reads and a person does not.
MARKS: Final = {
    ZERO_WIDTH: "\u00ad\u200b\u2060-\u2064\ufeff",
    DIRECTION: "\u200e\u200f\u202a-\u202e\u2066-\u2069",
    TAGS: "\U000e0000-\U000e007f",
}
UNSEEN: Final = re.compile(f"[{''.join(MARKS.values())}]")
ASCII: Final = bytes(range(0x80))
ONE_OF: Final = {kind: re.compile(f"[{marks}]+") for kind, marks in MARKS.items()}
#: A tag character is its ASCII one and this.
TAG_BASE: Final = 0xE0000

#: So much of it is told: how many pieces, how many characters of each, and how much of the text before marks.
TOLD: Final = 20
TOLD_CHARACTERS: Final = 200
AROUND: Final = 40

#: Of comments only those are told that say something: generators mark the parts of their pages with them.
FEWEST_WORDS: Final = 3


def strip_hidden(main: turbohtml.Element) -> tuple[Hidden, ...]:
    """Remove the hidden text of *main*; returns what it was, in document order, comments last."""
    told = []
    shown = _Shown(main)
    for element in main.select("[style], [hidden]"):
        kind = _how_hidden(element)
        component = _component_of(element) if kind else None
        if component is not None:
            element.attrs.pop("style", None)
            component.tag = "div"
        elif kind and not shown.holds(element):
            text = one_line(element.text)
            if any(map(str.isalnum, text)) and element.closest("body") is not None:
                told.append(_tell(kind, text))
            element.decompose()
        elif "white-space" in (element.attr("style") or "") and _is_prose(element):
            del element.attrs["style"]  # the renderer takes it for code
    comments = (one_line(comment.data) for comment in _comments(main))
    told += (_tell(COMMENT, text) for text in comments if text.count(" ") >= FEWEST_WORDS - 1)
    return tuple(told[:TOLD])


def strip_unrendered(tree: turbohtml.Document, contents: Contents) -> tuple[Hidden, ...]:
    """Remove from *tree* what no browser renders; returns what says something."""
    names = contents.any_of(*UNRENDERED)
    told = []
    for element in tree.select(names) if names else ():
        if element.tag == "dialog" and "open" in element.attrs:
            continue
        if "shadowrootmode" in element.attrs:  # a browser renders it in the place of its host
            for child in [child for fragment in element.children for child in fragment.children]:
                element.insert_before(child.extract())
            element.decompose()
            continue
        text = one_line(element.text)
        is_worth = text.count(" ") >= FEWEST_WORDS - 1 and element.tag != "dialog"
        if is_worth and (element.tag == "template" or ASKS.search(text) is None) and element.closest("head") is None:
            told.append(_tell(UNRENDERED_KIND, text))
        element.decompose()
    return tuple(told[:TOLD])


def _component_of(element: turbohtml.Element) -> turbohtml.Element | None:
    """Return the parent of *element* when it is of no standard: its program makes tabs of it, or the like."""
    around = element.parent
    is_one = isinstance(around, turbohtml.Element) and "-" in around.tag and element.tag in OF_PROGRAM
    return around if is_one and isinstance(around, turbohtml.Element) else None


class _Shown:
    """What of a main part its reader will see, though it is hidden at first."""

    def __init__(self, main: turbohtml.Element) -> None:
        self._main = main

    def holds(self, element: turbohtml.Element) -> bool:
        """Say whether a click or a script shows the hidden *element*."""
        if element.tag in ("details", "img") or "data-state" in element.attrs:
            return True
        own_id = element.attr("id") or ""
        names = f"{element.attr('class') or ''} {own_id} {element.attr('role') or ''}"
        if SHOWN_BY_A_CLICK.search(names) is not None or (own_id and own_id in self._opened):
            return True
        if element.select_one("h1") is not None or element.text.strip() == self._text:
            return True
        return _holds_code(element) and any(map(_holds_code, _beside(element)))

    @cached_property
    def _opened(self) -> frozenset[str]:
        """The words of all that a click asks for, ids among them."""
        openers = self._main.select(OPENERS)
        return frozenset(word for opener in openers for name in OPENS for word in NAME.findall(opener.attr(name) or ""))

    @cached_property
    def _text(self) -> str:
        return self._main.text.strip()


def _beside(element: turbohtml.Element) -> Iterator[turbohtml.Element]:
    """Yield the elements next to *element*."""
    for step in ("previous_sibling", "next_sibling"):
        node = getattr(element, step)
        while node is not None and not isinstance(node, turbohtml.Element):
            node = getattr(node, step)
        if node is not None:
            yield node


def _holds_code(element: turbohtml.Element) -> bool:
    return element.tag == "pre" or element.select_one("pre") is not None


def strip_unseen(markdown: str) -> tuple[str, tuple[Hidden, ...]]:
    """Return *markdown* without marks that nobody sees, code keeps them; and of each kind the first, with its place."""
    # None of them is printable, and what is beyond ASCII is mostly little: both cost a fraction of a search.
    beyond = "" if markdown.isascii() else markdown.encode("utf-8", "replace").translate(None, ASCII).decode()
    if beyond.isprintable() or UNSEEN.search(beyond) is None:
        return markdown, ()
    return change_prose(markdown, partial(UNSEEN.sub, ""))[0], tuple(_tell_marks(markdown))


def _tell_marks(markdown: str) -> Iterator[Hidden]:
    """Say how often each kind of marks occurs, and what they are where they come first."""
    for kind, pattern in ONE_OF.items():
        first = pattern.search(markdown)
        if first is not None:
            count = sum(map(len, pattern.findall(markdown)))
            before = markdown[max(0, first.start() - AROUND) : first.start()]
            yield _tell(kind, one_line(f"{count} times, first {_spell(first[0])} after: {before}"))


def _spell(marks: str) -> str:
    """Name *marks* by their code points; of tags, say what they spell."""
    if ord(marks[0]) >= TAG_BASE:
        return repr("".join(chr(ord(mark) - TAG_BASE) for mark in marks))
    return " ".join(f"U+{ord(mark):04X}" for mark in marks[:4])


def _tell(kind: str, text: str) -> Hidden:
    """Cut *text*, and make what would act on a terminal, or on nobody's eyes, visible."""
    shown = "".join(mark if mark.isprintable() else "\ufffd" for mark in text[:TOLD_CHARACTERS])
    return kind, shown


def _comments(main: turbohtml.Element) -> Iterator[turbohtml.Comment]:
    """Yield the comments of *main*."""
    return (node for node in main.xpath_iter(".//comment()") if isinstance(node, turbohtml.Comment))


def _is_prose(element: turbohtml.Element) -> bool:
    """Say whether *element* is no block of code, whatever its style keeps."""
    return element.tag != "pre" and not (element.tag in CODE and "\n" in element.text)


def _how_hidden(element: turbohtml.Element) -> str:
    """Return the kind of hiding, "" for none."""
    if "hidden" in element.attrs and element.attr("hidden") != "until-found":
        return ATTRIBUTE
    return _hides(element.attr("style") or "")


@lru_cache(maxsize=1024)
def _hides(style: str) -> str:
    said = CSS_COMMENT.sub("", style.lower())
    said = CSS_ESCAPE.sub(_unescaped, said) if "\\" in said else said
    found = HIDES.search(said)
    kind = (found.lastgroup or "") if found else ("invisible" if _is_of_one_colour(said) else "")
    if kind == "invisible" and "visibility" not in said and (FADES_IN.search(said) or PAINTED.search(said)):
        return ""
    return kind


def _unescaped(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return chr(code) if code <= sys.maxunicode else ""


def _is_of_one_colour(style: str) -> bool:
    colours = {name.removesuffix("-color"): " ".join(value.split()) for name, value in COLOURS.findall(style)}
    return "color" in colours and colours["color"] == colours.get("background")
