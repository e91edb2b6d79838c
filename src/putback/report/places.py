"""Where findings and the stations of their paths stand, as reports write it."""

from __future__ import annotations

from putback.model.finding import Finding, Step
from putback.report.display import safe


def source_of(each: Finding | Step) -> str:
    """What the rows around a place are asked by: the file, and the cell of a notebook."""
    return f"{each.path}:cell {each.cell}" if each.cell else each.path


def in_cell(each: Finding | Step) -> str:
    """ "cell 3: ", in front of a text whose place names only a row; "" outside of notebooks."""
    return f"cell {each.cell}: " if each.cell else ""


def file_of(each: Finding | Step) -> str:
    """The file: "shop/orders.py", and the cell of a notebook: "shop.ipynb:cell 3"."""
    return f"{safe(each.path)}:cell {each.cell}" if each.cell else safe(each.path)


def place_of(each: Finding | Step) -> str:
    """File, row and column: "shop/orders.py:28:16"."""
    start = each.span.start
    return f"{file_of(each)}:{start.row}:{start.column}"


def row_of(each: Finding | Step) -> str:
    """File and row: "shop/orders.py:28"."""
    return f"{file_of(each)}:{each.span.start.row}"
