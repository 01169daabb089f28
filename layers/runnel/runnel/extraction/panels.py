"""Tabs and folded parts: all of their text in full, each under its own label in bold.

Laws: a panel gets the label that the page ties to it, else the one at its place; labels without panels stay text. A
button that shows a part of the text is its title: in a heading it leaves its words there, elsewhere it is bold. What a
button opens is shown, but for lists of links.
"""

import re
from collections.abc import Iterable
from typing import Final

import turbohtml

from runnel.extraction.contents import Contents
from runnel.extraction.furniture import MOSTLY_LINKS, link_share
from runnel.extraction.metadata import one_line

#: Sets of tabs: the box around one, its labels, its panels. The first is how accessible pages write it.
TABS: Final = (
    ("div[role=tabpanel]", "[role=tab]", "[role=tabpanel]"),
    ("section[role=tabpanel]", "[role=tab]", "[role=tabpanel]"),
    (".tabbed-set", ".tabbed-labels > label", ".tabbed-block"),  # Material for MkDocs
    (".vp-code-group", ".tabs > label", ".blocks > div"),  # VitePress
    (".sd-tab-set", ".sd-tab-label", ".sd-tab-content"),  # sphinx-design
    (".CodeTabs", ".CodeTabs-toolbar > button", ".CodeTabs-inner > pre"),  # ReadMe
    (".docsify-tabs", ".docsify-tabs__tab", ".docsify-tabs__content"),
)
#: A button that shows and hides a part of the page.
OPENER: Final = "button[aria-controls]"
SETS: Final = (*(box for box, _, _ in TABS), OPENER, "summary")

#: What a part that a button shows has, and a menu has not; what is left of a heading that holds one.
TEXT: Final = "p, pre, table, li, dd"
HEADINGS: Final = "h1, h2, h3, h4, h5, h6"

#: What a button of an API's page says that shows where to call: "post /valves"; how much one says at least that is
#: looked at, and how many words a paragraph in one has that is the page's, as the meaning of a response is.
ENDPOINT: Final = re.compile(r"\s*(?:get|post|put|patch|delete|head|options|trace)\s*(?:https?:/)?/\S", re.IGNORECASE)
LEAST_SAID: Final = 6
LEAST_WORDS: Final = 2

#: How far above its panels the box of a set may stand.
SET_ABOVE: Final = 4

#: What makes a summary more than a line.
BLOCKS: Final = "h1, h2, h3, h4, h5, h6, section, pre, ul, table"


def label_panels(tree: turbohtml.Document, contents: Contents) -> None:
    """Write each tab's label at the head of its panel, and make the line of a folded part bold."""
    for box_name, label_name, panel_name in TABS:
        if contents.any_of(box_name):
            for box in _sets(tree, box_name, label_name):
                _label(box, label_name, panel_name)
    if contents.any_of(OPENER):
        _open_parts(tree)
    _keep_buttons(contents.kept("button"))
    for summary in tree.select("summary") if contents.any_of("summary") else ():
        if summary.select_one(BLOCKS) is None and summary.text.strip():
            _embolden(summary)


def _sets(tree: turbohtml.Document, box_name: str, label_name: str) -> list[turbohtml.Element]:
    boxes = tree.select(box_name)
    if box_name.startswith("."):
        return boxes
    # Of a panel only its neighbourhood tells where its set begins.
    return [box for box in dict.fromkeys(_around(panel, label_name) for panel in boxes) if box is not None]


def _around(panel: turbohtml.Element, label_name: str) -> turbohtml.Element | None:
    box = panel.parent
    for _ in range(SET_ABOVE):
        if not isinstance(box, turbohtml.Element):
            return None
        if box.select_one(label_name) is not None:
            return box
        box = box.parent
    return None


def _label(box: turbohtml.Element, label_name: str, panel_name: str) -> None:
    labels, panels = box.select(label_name), box.select(panel_name)
    if len(labels) != len(panels):
        return
    named = {label.attr("id"): label for label in labels if label.attr("id")}
    for label, panel in zip(labels, panels, strict=True):
        said = one_line(named.get(panel.attr("aria-labelledby"), label).text)
        if said and panel.tag == "pre":
            panel.insert_before(_bold_line(said))
        elif said:
            panel.insert(0, _bold_line(said))
        _show(panel)
    for label in labels:
        (label.closest("[role=tablist]") or label).decompose()


def _keep_buttons(buttons: Iterable[turbohtml.Element]) -> None:
    """Make a block of the page of each of *buttons* that says what the page is about."""
    for button in buttons:
        text = button.text
        if len(text) < LEAST_SAID:
            continue
        if ENDPOINT.match(text) is not None:
            code = turbohtml.Element("code")
            code.append(turbohtml.Text(" ".join(button.stripped_strings)))
            button.tag = "p"
            button.set_inner_html("")
            button.append(code)
        elif any(len(said.text.split()) >= LEAST_WORDS for said in button.select("p")):
            button.tag = "div"


def _open_parts(tree: turbohtml.Document) -> None:
    """Make a title of each button that shows a part of the text, and show the part."""
    named = {element.attr("id"): element for element in tree.select("[id]")}
    for button in tree.select(OPENER):
        said = one_line(button.text)
        part = named.get(button.attr("aria-controls")) if said else None
        if part is None or part.select_one(TEXT) is None or link_share(part, part.text) >= MOSTLY_LINKS:
            continue
        _show(part)
        if button.closest(HEADINGS) is not None:
            button.unwrap()
        else:
            button.replace_with(_bold_line(said))


def _show(part: turbohtml.Element) -> None:
    part.attrs.pop("hidden", None)
    part.attrs.pop("style", None)


def _embolden(summary: turbohtml.Element) -> None:
    for box in summary.select("p, div, b, strong"):
        box.unwrap()
    bold = turbohtml.Element("strong")
    bold.extend([child.extract() for child in list(summary.children)])
    summary.append(bold)
    summary.tag = "p"


def _bold_line(text: str) -> turbohtml.Element:
    line, bold = turbohtml.Element("p"), turbohtml.Element("strong")
    bold.append(turbohtml.Text(text))
    line.append(bold)
    return line
