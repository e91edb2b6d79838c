"""The budget as a table with bars, and as JSON."""

from __future__ import annotations

import json
from io import StringIO
from typing import Literal

from putback.model.budget import Budget, Share
from putback.model.printable import harmless

_WIDTH = 30


def text(budget: Budget, width: int, *, colour: bool) -> str:
    """The table, the sum in words, and the bar."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    out = StringIO()
    system: Literal["standard"] | None = "standard" if colour else None
    console = Console(file=out, width=width, force_terminal=colour, color_system=system, no_color=not colour)
    table = Table(box=None, pad_edge=False)
    for title in ("pool", "made at", "size", "overflow", "at most", ""):
        table.add_column(
            title, justify="right" if title in ("size", "overflow", "at most") else "left", overflow="fold"
        )
    most = max((each.most or 0 for each in budget.shares), default=0)
    for each in budget.shares:
        row = (each.title, f"{each.path}:{each.row}", _count(each.size), _count(each.overflow), _most(each))
        table.add_row(*map(Text, map(harmless, (*row, _share(each, most)))))
    if budget.shares:
        console.print(table)
        console.print()
    for line in _sum(budget):
        console.print(Text(harmless(line)))
    return "\n".join(row.rstrip() for row in out.getvalue().splitlines()) + "\n"


def _count(number: int | None) -> str:
    return "?" if number is None else str(number)


def _most(share: Share) -> str:
    return "no limit" if share.unlimited else _count(share.most)


def _share(share: Share, most: int) -> str:
    """Its bar beside those of the others, and where its numbers may come from instead."""
    bar = "" if not share.most or not most else "█" * max(1, round(10 * share.most / most))
    return f"{bar}  {', '.join(share.variables)} may say otherwise" if share.variables else bar


def _sum(budget: Budget) -> list[str]:
    if not budget.shares:
        return ["No engine or pool for a database on a server was found."]
    workers = " + ".join(f"{each.number} ({each.by})" for each in budget.workers)
    lines = [
        f"processes     {workers}",
        f"replicas      {budget.replicas.number} ({budget.replicas.by})",
        f"connections   {budget.processes} × {budget.per_process} = {budget.total} at most",
        f"the database  {budget.limit.number} ({budget.limit.by})"
        + (f", {budget.reserved.number} of them reserved ({budget.reserved.by})" if budget.reserved.number else ""),
        "",
        f"{_bar(budget)}  {budget.total} of {budget.available}",
        "",
    ]
    unknown = sum(each.most is None and not each.unlimited for each in budget.shares)
    if any(each.unlimited for each in budget.shares):
        lines.append("It does not fit: nothing bounds how many connections one of the pools opens.")
    elif not budget.fits:
        per = budget.available // max(1, budget.processes)
        lines.append(
            f"It does not fit: each process may have {per} connections, and its pools open {budget.per_process}."
        )
    else:
        lines.append("It fits.")
    if unknown:
        lines.append(
            f"{unknown} of the pools {'are' if unknown > 1 else 'is'} not in the sum: the size cannot be seen."
        )
    return lines


def _bar(budget: Budget) -> str:
    filled = min(_WIDTH, round(_WIDTH * budget.total / max(1, budget.available)))
    over = budget.total > budget.available
    return "█" * filled + ("▶" if over else "░" * (_WIDTH - filled))


def as_json(budget: Budget) -> str:
    """The budget in the documented keys."""
    told = {"replicas": budget.replicas, "max_connections": budget.limit, "reserved": budget.reserved}
    return (
        json.dumps(
            {
                "pools": [
                    {
                        "path": each.path,
                        "row": each.row,
                        "title": each.title,
                        "database": each.database,
                        "size": each.size,
                        "overflow": each.overflow,
                        "most": each.most,
                        "unlimited": each.unlimited,
                        "variables": list(each.variables),
                    }
                    for each in budget.shares
                ],
                "workers": [{"number": each.number, "by": each.by} for each in budget.workers],
                **{key: {"number": each.number, "by": each.by} for key, each in told.items()},
                "processes": budget.processes,
                "per_process": budget.per_process,
                "total": budget.total,
                "available": budget.available,
                "fits": budget.fits,
            },
            indent=2,
        )
        + "\n"
    )
