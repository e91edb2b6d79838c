"""`putback check --debug`: how putback understands a file, function by function.

Everything is printed by the `dump` modules, the same that the tests compare; nothing is decided here.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

from putback.flow import dump as blocks
from putback.model.config import Config
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.unit import Unit
from putback.ownership.facts import dump
from putback.ownership.facts.unknown import Cause, unknown_receivers
from putback.pipeline.check import scanned
from putback.pipeline.telling import Task
from putback.source.discover import shown


def debug(path: str, config: Config) -> str:
    """The blocks, roles, sites and states of each function of a file that can acquire, then the analysis's notes: among
    them how many calls by a method of drivers are on something that is not known, by cause."""
    path = os.path.abspath(path)
    project = scanned([path], config)
    analyzer = project.analysis.analyzer
    parts = [f"== {shown(path)} =="]
    causes: Counter[Cause] = Counter()
    for task in project.tasks():
        parts += _slice(analyzer, task, causes)
    parts += [f"note: {_calls(count)} on {cause.title}" for cause, count in causes.most_common()]
    broken = project.analysis.scan.broken
    parts += [f"note: {b.path} is not analysed: {b.message} (row {b.row})" for b in broken]
    parts += [f"note: {note}" for note in dict.fromkeys(analyzer.notes)]
    if len(parts) == 1:
        parts.append("nothing in this file can take a connection")
    return "\n\n".join(parts) + "\n"


def _slice(analyzer: Analyzer, task: Task, causes: Counter[Cause]) -> Iterator[str]:
    """An outermost function with those nested in it; `causes` counts what is not known in them."""
    acquires = analyzer.may_acquire(task.path, task.key)
    if not acquires:
        yield f"-- {task.key}: no call in it can take a connection"
    for key in analyzer.nested(task.path, task.key):
        unit = analyzer.unit(task.path, key)
        if unit is not None:
            unknown = list(unknown_receivers(analyzer, unit))
            causes.update(each.cause for each in unknown)
            said = [*([_function(analyzer, unit)] if acquires else []), *map(dump.unknown, unknown)]
            yield from ["\n".join(said)] if said else []


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


def _calls(count: int) -> str:
    return "1 call is" if count == 1 else f"{count} calls are"
