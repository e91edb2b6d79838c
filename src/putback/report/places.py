"""Where findings and the stations of their paths stand, as reports write it."""

from __future__ import annotations

from putback.model.finding import Finding, Step
from putback.report.display import safe


def file_of(each: Finding | Step) -> str:
    """The file: "shop/orders.py"."""
    return safe(each.path)


def place_of(each: Finding | Step) -> str:
    """File, row and column: "shop/orders.py:28:16"."""
    start = each.span.start
    return f"{file_of(each)}:{start.row}:{start.column}"


def row_of(each: Finding | Step) -> str:
    """File and row: "shop/orders.py:28"."""
    return f"{file_of(each)}:{each.span.start.row}"
