"""`putback check --debug`: how putback understands a file, function by function.

Everything is printed by the `dump` modules, the same that the tests compare; nothing is decided here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from putback.flow import dump as blocks
from putback.model.config import Config
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.unit import Unit
from putback.ownership.facts import dump
from putback.pipeline.check import scanned
from putback.pipeline.telling import Task
from putback.source.discover import shown


def debug(path: str, config: Config) -> str:
    """The blocks, roles, sites and states of each function of a file that can acquire, then the analysis's notes."""
    path = os.path.abspath(path)
    project = scanned([path], config)
    analyzer = project.analysis.analyzer
    parts = [f"== {shown(path)} =="]
    for task in project.tasks():
        parts += _slice(analyzer, task)
    broken = project.analysis.scan.broken
    parts += [f"note: {b.path} is not analysed: {b.message} (row {b.row})" for b in broken]
    parts += [f"note: {note}" for note in dict.fromkeys(analyzer.notes)]
    if len(parts) == 1:
        parts.append("nothing in this file can take a connection")
    return "\n\n".join(parts) + "\n"


def _slice(analyzer: Analyzer, task: Task) -> Iterator[str]:
    """An outermost function with those nested in it."""
    if not analyzer.may_acquire(task.path, task.key):
        yield f"-- {task.key}: no call in it can take a connection"
        return
    for key in analyzer.nested(task.path, task.key):
        unit = analyzer.unit(task.path, key)
        if unit is not None:
            yield _function(analyzer, unit)


def _function(analyzer: Analyzer, unit: Unit) -> str:
    sites = analyzer.sites(unit)
    if not sites:
        return f"-- {unit.key}: takes no connection"
    return "\n".join(
        [
            f"-- {unit.key}",
            dump.roles(analyzer, unit),
            blocks.dump(unit.function, lambda at: dump.row(unit, at)),
            *(dump.site(analyzer, unit, number, site) for number, site in enumerate(sites, 1)),
        ]
    )
