"""Code blocks as the renderer wants them: one `pre` each, its text to the letter, its language in its class.

Laws: of a block's text nothing changes but what is no part of it: numbers of lines, buttons. Lines that are elements of
their own (`div`s, rows of a table) become the lines of one `pre`. Which elements those are is data; that a cell holds
but numbers beside code is seen.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice, pairwise
from typing import Final

import turbohtml

from runnel.extraction.bars import SPARSE
from runnel.extraction.contents import Contents
from runnel.extraction.spaces import NO_BREAK_SPACE

#: Code blocks without a `pre`: the block, and what is one line of it.
LINED: Final = (
    ("div.fragment", "div.line"),  # Doxygen
    ("table.RktBlk", "tr"),  # Scribble
    ("table.highlight", "td.blob-code"),  # GitHub
    ("div.CodeMirror-code", "div.CodeMirror-line"),
)
LINED_BLOCKS: Final = tuple(block for block, _ in LINED)

#: What stands inside code and is none of it; where there is any, a block begins with one, or with its first line.
GUTTER_NAMES: Final = re.compile(
    r"line-?n(?:o|um)|gutter|ln-num|copybtn|unselectable|ttc|language-id|(?:^|\s)lnt?(?:\s|$)"
)
GUTTER_AMONG: Final = 6
GUTTERS: Final = (
    ".lineno, .linenos, .linenumber, .line-number, .line-numbers-rows, .gutter, .ln-num, .hljs-ln-numbers, .copybtn, "
    ".unselectable, .ttc, .ln, .lnt, .language-id"
)

#: The text of a column of line numbers.
NUMBERS: Final = re.compile(r"\s*\d{1,9}(?:\s+\d{1,9})*\s*")

#: Elements of code within a line, which hand-written pages put around a block.
INLINE_CODE: Final = frozenset({"code", "tt", "samp", "kbd"})

#: Lines of a block that are blocks themselves; a browser shows each on a line of its own.
LINES: Final = "div"

#: Where the parameters of old highlighters stand: "brush: py; gutter: false".
BRUSH: Final = "data-syntaxhighlighter-params"

#: A bar above or below a block that says its language again, what buttons in it say, how long it may be, and how far
#: around the block it may stand. A paragraph is none, nor what is called a title: they are the author's.
BARS: Final = frozenset({"div", "span", "header", "figcaption", "button", "small"})
BOXES: Final = frozenset({"div", "figure"})  # around one block alone
BUTTON_LABEL: Final = re.compile(r"\b(?:copy (?:code|to clipboard)|copy|copied)\b!?", re.IGNORECASE)
LONGEST_BAR: Final = 60
BAR_ABOVE: Final = 3
SAYS_LANGUAGE: Final = "span.language, span.language-name, div.language, span.lang"

#: How bars write the names of languages.
SPOKEN: Final = {
    "javascript": "js", "typescript": "ts", "shell": "sh", "bash": "sh", "console": "sh", "terminal": "sh",
    "python": "py", "ruby": "rb", "rust": "rs", "golang": "go", "yml": "yaml", "markdown": "md", "c++": "cpp",
    "c#": "cs", "csharp": "cs", "objective-c": "objc", "objectivec": "objc", "kotlin": "kt", "docker": "dockerfile",
    "plain text": "text", "plaintext": "text", "txt": "text", "vue.js": "vue",
}  # fmt: skip

#: How generators name a language in a class: Prism, highlight.js, Sphinx and Pygments, mdBook, GeSHi.
LANGUAGE: Final = re.compile(r"(?:^|\s)(?:language|lang|highlight|source|brush:|sourceCode)-?\s*([A-Za-z][\w+#.-]*)")

#: What may stand behind a fence: a name that is longer, or has other signs, is none.
NAME: Final = re.compile(r"[\w+#.-]{1,40}")

#: Class endings that look like a language and are none.
NO_LANGUAGE: Final = frozenset(
    {"default", "none", "text", "plaintext", "plain", "txt", "nohighlight", "wrapper", "source", "content", "block",
     "undefined", "auto", "notranslate"}
)  # fmt: skip

#: Languages whose bare name is a class of code in some generators, and of nothing else.
KNOWN_LANGUAGES: Final = frozenset({
    "bash", "c++", "clojure", "cpp", "csharp", "css", "dart", "dockerfile", "elixir", "erlang", "fsharp", "golang",
    "graphql", "groovy", "haskell", "hcl", "html", "java", "javascript", "js", "json", "jsx", "julia", "kotlin", "lua",
    "matlab", "objectivec", "ocaml", "perl", "php", "powershell", "protobuf", "python", "ruby", "rust", "scala", "scss",
    "shell", "sh", "sql", "swift", "toml", "tsx", "typescript", "xml", "yaml", "yml",
})  # fmt: skip

#: How far above a block its language may stand; beyond two boxes (a table of lines between) only in one spelling.
LANGUAGE_ABOVE: Final = 7

#: Names of one tool for a language that everyone else calls otherwise.
SAME_LANGUAGE: Final = {
    "python3": "python",
    "ipython3": "python",
    "ipython": "python",
    "pycon3": "pycon",
    "shell-session": "console",
}


def mend_code_blocks(main: turbohtml.Element, contents: Contents) -> None:
    """Bring the code of *main* into `pre` elements, free of gutters."""
    if contents.any_of(*LINED_BLOCKS):
        _join_lines(main, contents)
    for block in contents.within(main, "pre"):
        around = block.parent
        if isinstance(around, turbohtml.Element) and around.tag in INLINE_CODE:
            around.unwrap()  # else the block would come out within a line
        if any(_names_gutter(element.attr("class") or "") for element in _first_elements(block)):
            for gutter in block.select(GUTTERS):
                gutter.decompose()
        if block.select_one(LINES) is not None:
            _end_lines(block)
        _drop_bars(block)
    if contents.any_of("table"):
        _drop_number_columns(contents.within(main, "pre"))


def name_language(block: turbohtml.Element) -> None:
    """Write a code block's language where the renderer looks for it."""
    codes = block.select("code")
    language = _language(block, codes)
    for element in (block, *codes):
        if element.attr("class") is not None:
            del element.attrs["class"]
    if language:
        block.attrs["class"] = f"language-{language}"


def _end_lines(block: turbohtml.Element) -> None:
    """Bring the lines of *block* that are elements into its text, empty ones too, each on a line of its own."""
    lines = [line for line in block.select(LINES) if line.select_one(LINES) is None]
    if all(line.text for line in lines):
        return  # the renderer sees to that
    if not any(line.text for line in lines):  # places for buttons
        for line in lines:
            line.decompose()
        return
    for line in lines:
        if line.next_sibling is not None and not line.text.endswith("\n") and line.select_one("br") is None:
            line.append(turbohtml.Text("\n"))
        line.unwrap()


def _drop_bars(block: turbohtml.Element) -> None:
    """Remove what stands right above or below *block*, or a box with it alone, and only names its language."""
    box = block
    for _ in range(BAR_ABOVE):
        before, after = _element_beside(box, is_after=False), _element_beside(box, is_after=True)
        for bar in (before, after):
            if bar is not None and bar.tag in BARS and _is_bar_of(bar, block):
                bar.decompose()
        around = box.parent
        if before is not None or not isinstance(around, turbohtml.Element) or around.tag not in BOXES:
            return
        box = around


def _element_beside(element: turbohtml.Element, *, is_after: bool) -> turbohtml.Element | None:
    """Return the element next to *element*; None where text is nearer."""
    beside = element.next_sibling if is_after else element.previous_sibling
    while beside is not None and not isinstance(beside, turbohtml.Element):
        if isinstance(beside, turbohtml.Text) and not beside.data.isspace():
            return None
        beside = beside.next_sibling if is_after else beside.previous_sibling
    return beside


def _is_bar_of(bar: turbohtml.Element, block: turbohtml.Element) -> bool:
    text = bar.text
    if len(text) > LONGEST_BAR and (len(text) > SPARSE * LONGEST_BAR or len(" ".join(text.split())) > LONGEST_BAR):
        return False
    if (
        not text.strip()
        or "title" in (bar.attr("class") or "")
        or bar.select_one("img, pre, h1, h2, h3, h4, h5, h6") is not None
    ):
        return False
    said = " ".join(BUTTON_LABEL.sub(" ", " ".join(bar.stripped_strings)).split()).lower()
    language = _language(block, block.select("code"))
    if said and language and bar.select_one(SAYS_LANGUAGE) is not None:
        return True
    return not said or (bool(language) and SPOKEN.get(said, said) == SPOKEN.get(language, language))


@lru_cache(maxsize=1024)
def _names_gutter(classes: str) -> bool:
    return GUTTER_NAMES.search(classes) is not None


def _first_elements(block: turbohtml.Element) -> Iterator[turbohtml.Element]:
    return islice((node for node in block.descendants if isinstance(node, turbohtml.Element)), GUTTER_AMONG)


def _join_lines(main: turbohtml.Element, contents: Contents) -> None:
    for block_name, line_name in LINED:
        if not contents.any_of(block_name):
            continue
        for block in main.select(block_name):
            # Of lines that hold blocks of lines only the innermost count.
            lines = [line for line in block.select(line_name) if line.select_one(block_name) is None]
            if lines and block.select_one("pre") is None:
                contents.made(_become_pre(block, lines))


def _become_pre(block: turbohtml.Element, lines: list[turbohtml.Element]) -> turbohtml.Element:
    for line in lines:
        for gutter in line.select(GUTTERS):
            gutter.decompose()
        for line_break in line.select("br"):
            line_break.replace_with(turbohtml.Text("\n"))
    text = "\n".join(line.text.replace(NO_BREAK_SPACE, " ") for line in lines)
    code = turbohtml.Element("pre")
    code.append(turbohtml.Text(f"\n{text}" if text.startswith("\n") else text))
    language = block.attr("class")
    if language:
        code.attrs["class"] = language
    block.replace_with(code)
    return code


def _drop_number_columns(blocks: list[turbohtml.Element]) -> None:
    """Drop the cells that hold nothing but line numbers beside a cell with code."""
    for block in blocks:
        cell = block.closest("td")
        if cell is None or not NUMBERS.fullmatch(block.text):
            continue
        row = cell.parent
        if isinstance(row, turbohtml.Element) and len(row.select("pre")) > 1 and _counts(block.text):
            cell.decompose()


def _counts(text: str) -> bool:
    numbers = [int(number) for number in text.split()]
    return all(later - earlier == 1 for earlier, later in pairwise(numbers))


def _language(block: turbohtml.Element, codes: list[turbohtml.Element]) -> str:
    """Return what the first code element, the block, or one of the boxes around it says."""
    for element in (*codes[:1], block):
        found = _language_of(element) or _language_alone_in(element.attr("class") or "")
        if found:
            return found
    around = block.parent
    for above in range(LANGUAGE_ABOVE):
        if not isinstance(around, turbohtml.Element):
            break
        found = _language_of(around) if above < 2 or "language-" in (around.attr("class") or "") else ""
        if found:
            return found
        around = around.parent
    return ""


def _language_of(element: turbohtml.Element) -> str:
    named = (
        element.attr("data-lang")
        or element.attr("data-language")
        or element.attr("language")
        or element.attr("syntax")  # Google's
    )
    if named:
        return _language_in(named, "")
    return _language_in("", element.attr("class") or "") or _language_in("", element.attr(BRUSH) or "")


@lru_cache(maxsize=1024)
def _language_alone_in(classes: str) -> str:
    """Return the first of *classes*, those of a block or its code, that is the name of a language everyone knows."""
    return next((name for name in classes.lower().split() if name in KNOWN_LANGUAGES), "")


@lru_cache(maxsize=1024)
def _language_in(named: str, classes: str) -> str:
    for name in [named] if named else LANGUAGE.findall(classes):
        lower = name.lower().removeprefix("highlight-").removeprefix("source-")  # GitHub's, after `highlight`
        if lower not in NO_LANGUAGE and NAME.fullmatch(lower):
            return SAME_LANGUAGE.get(lower, lower)
    return ""
