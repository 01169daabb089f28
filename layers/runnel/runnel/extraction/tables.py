"""Tables made fit for pipes: spans become cells, and tables that hold more than a cell can are opened.

Laws: a cell that spans keeps its text in its first place and is empty in the others, so that every row has the table's
width; no text moves to another column. Spans count up to a limit, for a page may claim a million columns.
"""

import re
from operator import itemgetter
from typing import Final

import turbohtml

from runnel.extraction.contents import Contents
from runnel.extraction.furniture import LITTLE_BUT_LINKS, link_share

#: A cell that claims more is taken to say "the whole width".
MAX_SPAN: Final = 30

#: With more spanning cells than this a page is built to be expanded; its tables stay HTML.
MAX_SPANNING_CELLS: Final = 1_000

#: A ragged table with more places than this stays HTML.
MAX_PLACES: Final = 100_000

SPANNED: Final = ("td[colspan]", "td[rowspan]", "th[colspan]", "th[rowspan]")

#: Blocks that a cell of pipes would break.
HELD_BY_NO_CELL: Final = ("pre", "table", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote")
NO_CELL_HOLDS: Final = ", ".join(HELD_BY_NO_CELL)

#: Boxes that are tables by their style sheet only (javadoc), and how many columns they have by a further class.
GRIDS: Final = ("div.summary-table",)
GRID_WIDTHS: Final = {"two-column": 2, "three-column": 3, "four-column": 4}

#: Stands between two tables of one item until it is Markdown.
BETWEEN: Final = "\ue0f3"
PARTED: Final = re.compile(f"^[ >]*{BETWEEN}\n[ >]*\n", re.MULTILINE)

#: Blocks of a text around which a table of one cell is a frame.
FRAMED: Final = "p, ul, ol, dl"

#: How many tables deep a page may be laid out, which share of it is in the cell with its text, and how many links make
#: a column one of links.
DEEPEST_LAYOUT: Final = 8
TEXT_SHARE: Final = 0.1
FEWEST_SIDE_LINKS: Final = 4


def open_layout_tables(main: turbohtml.Element) -> None:
    """Free what no pipe cell can hold from its table: code, headings, other tables; rows of data become a list."""
    held = [(block, block.parent) for block in main.iter_elements(HELD_BY_NO_CELL)]
    tables = dict.fromkeys(box.closest("table") for _, box in held if isinstance(box, turbohtml.Element))
    for table in reversed([table for table in tables if table is not None]):  # inner ones first
        if table.select_one("h1, h2, h3, h4, h5, h6") is not None:
            _split_at_headings(table)
        if table.select_one(NO_CELL_HOLDS) is not None:
            _open(table)


def part_tables(main: turbohtml.Element) -> bool:
    """Put a mark between tables that follow one another in an item of a list, where the renderer would join them.

    Returns whether there was any: `PARTED` finds the marks in the Markdown.
    """
    tables = main.select("li > table + table")
    for table in tables:
        between = turbohtml.Element("p")
        between.append(turbohtml.Text(BETWEEN))
        table.insert_before(between)
    return bool(tables)


def make_grids_tables(main: turbohtml.Element) -> None:
    """Make tables of the boxes that a style sheet shows as rows of so many columns."""
    for grid in main.select(", ".join(GRIDS)):
        cells = [child for child in grid.children if isinstance(child, turbohtml.Element)]
        width = next(
            (width for name, width in GRID_WIDTHS.items() if name in (grid.attr("class") or "")), len(cells) + 1
        )
        if len(cells) % width or grid.select_one(NO_CELL_HOLDS) is not None:
            continue
        for start in range(0, len(cells), width):
            row = turbohtml.Element("tr")
            row.extend([cell.extract() for cell in cells[start : start + width]])
            for cell in cells[start : start + width]:
                cell.tag = "th" if "header" in (cell.attr("class") or "") else "td"
            grid.append(row)
        grid.tag = "table"


def open_columns(body: turbohtml.Element) -> None:
    """Free a page that is laid out as a table of the columns that are little but links, and its text of its frames."""
    size, tables = len(body.text), body.select("table")
    layout = next((table for table in tables if 2 * len(table.text) > size), None)
    if layout is None:
        return
    _drop_side_columns(layout, body, size)
    for table in tables:
        cells = table.select("td, th") if table.closest("body") is not None else []
        if len(cells) == 1 and cells[0].select_one(FRAMED) is not None:
            _open(table)


def _drop_side_columns(layout: turbohtml.Element, body: turbohtml.Element, size: int) -> None:
    table: turbohtml.Element | None = layout
    for _ in range(DEEPEST_LAYOUT):
        cells = [cell for row in _rows(table) for cell in _cells(row)] if table is not None else []
        texts = [(len(cell.text), cell) for cell in cells if not _is_side_column(cell)]
        most, cell = max(texts, key=itemgetter(0), default=(0, body))
        if TEXT_SHARE * size > most:
            return
        for beside in _cells(cell.parent) if isinstance(cell.parent, turbohtml.Element) else ():
            if beside != cell and _is_side_column(beside):
                beside.decompose()
        table = cell.select_one("table")


def _is_side_column(cell: turbohtml.Element) -> bool:
    links = len(cell.select("a[href]"))
    if links < FEWEST_SIDE_LINKS or cell.select_one("h1, h2, pre, p") is not None:
        return False
    return link_share(cell, cell.text) >= LITTLE_BUT_LINKS


def _rows(table: turbohtml.Element) -> list[turbohtml.Element]:
    return [row for row in table.select("tr") if row.closest("table") == table]


def _is_data(table: turbohtml.Element) -> bool:
    rows = _rows(table)
    return len(rows) > 1 and max(len(_cells(row)) for row in rows) > 1


def _split_at_headings(table: turbohtml.Element) -> None:
    """Part *table* where a row says nothing but a heading, so that the heading stands between two tables."""
    rows = _rows(table)
    kept: list[turbohtml.Element] = []
    for row in rows:
        heading = row.select_one("h1, h2, h3, h4, h5, h6")
        if heading is None or heading.text.strip() != row.text.strip():
            kept.append(row)
            continue
        if kept:
            before = turbohtml.Element("table")
            before.extend([each.extract() for each in kept])
            table.insert_before(before)
            kept = []
        table.insert_before(heading.extract())
        row.decompose()


def _open(table: turbohtml.Element) -> None:
    rows = _rows(table)
    is_data = _is_data(table) and table.select_one("table") is None
    for row in rows:
        for cell in _cells(row):
            cell.tag = "div"
        row.tag = "li" if is_data else "div"
    for group in table.select("thead, tbody, tfoot, colgroup"):
        if group.closest("table") == table:
            group.unwrap()
    table.tag = "ul" if is_data else "div"


def expand_spans(main: turbohtml.Element, contents: Contents) -> None:
    """Give each table with spanning cells a cell in every place."""
    spanned = contents.any_of(*SPANNED)
    cells = main.select(spanned) if spanned else []
    if len(cells) > MAX_SPANNING_CELLS:
        return
    for table in dict.fromkeys(filter(None, (cell.closest("table") for cell in cells))):
        _expand(table)


def pad_rows(main: turbohtml.Element) -> bool:
    """Give short rows the cells that they lack; returns whether any did, for a ragged table has no pipe form."""
    padded = False
    for table in main.select("table"):
        rows = [_cells(row) for row in table.select("tr") if row.closest("table") == table]
        width = max(map(len, rows), default=0)
        for cells in rows if width * len(rows) <= MAX_PLACES else ():
            for _ in range(width - len(cells) if cells else 0):
                cells[-1].insert_after(turbohtml.Element("td"))
                padded = True
    return padded


def _cells(row: turbohtml.Element) -> list[turbohtml.Element]:
    return [child for child in row.children if isinstance(child, turbohtml.Element) and child.tag in ("td", "th")]


def _expand(table: turbohtml.Element) -> None:
    rows = table.select("tr")  # no table stands in another by now
    widest = max((_width(row) for row in rows), default=1)
    pending: dict[int, int] = {}  # column → rows that a cell above still covers
    for row in rows:
        pending = _expand_row(row, pending, widest)


def _width(row: turbohtml.Element) -> int:
    """Return over how many columns a row spreads; one of a single cell says nothing of that."""
    cells = _cells(row)
    return sum(_span(cell.attr("colspan")) for cell in cells) if len(cells) > 1 else 1


def _expand_row(row: turbohtml.Element, pending: dict[int, int], widest: int) -> dict[int, int]:
    """Insert the empty cells of one row; returns what its cells cover of the rows below.

    A cell alone in its row that spans stands for the whole width, *widest*, whatever it claims; when it says nothing it
    only parts rows, and goes.
    """
    below: dict[int, int] = {column: rows - 1 for column, rows in pending.items() if rows > 1}
    cells = _cells(row)
    is_alone = len(cells) == 1 and not pending
    if is_alone and "colspan" in cells[0].attrs and _says_nothing(cells[0]):
        row.decompose()
        return below
    column = 0
    for cell in cells:
        while column in pending:
            cell.insert_before(turbohtml.Element(cell.tag))
            column += 1
        width, height = _take_span(cell, "colspan"), _take_span(cell, "rowspan")
        width = min(width, widest) if is_alone else width
        for _ in range(width - 1):
            cell.insert_after(turbohtml.Element(cell.tag))
        below.update({column + step: height - 1 for step in range(width) if height > 1})
        column += width
    for _ in range(sum(1 for covered in pending if covered >= column)):
        row.append(turbohtml.Element("td"))
    return below


def _says_nothing(cell: turbohtml.Element) -> bool:
    return not cell.text.strip() and cell.select_one("img") is None


def _take_span(cell: turbohtml.Element, name: str) -> int:
    text = cell.attr(name)
    if text is not None:
        del cell.attrs[name]
    return _span(text)


def _span(text: str | None) -> int:
    return min(max(int(text), 1), MAX_SPAN) if text and text.isascii() and text.isdigit() else 1
