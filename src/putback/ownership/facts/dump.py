"""What the analysis thinks of a function, as text: its roles, its sites, and the states of a site block by block."""

from __future__ import annotations

from collections.abc import Iterator

from putback.flow.ir import is_temporary
from putback.flow.solve import Edge, Ending, Exploration
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.domain import Mark, State
from putback.ownership.analysis.handlers import CANCELLED
from putback.ownership.analysis.site import Acquisition, Site
from putback.ownership.analysis.unit import Unit
from putback.ownership.facts.unknown import Unknown


def roles(analyzer: Analyzer, unit: Unit) -> str:
    """What frameworks make of the function: "roles: dependency, provider"."""
    found = sorted(role.value for role in analyzer.context.roles(unit.path, unit.info))
    if analyzer.context.is_provider(unit.path, unit.info):
        found.append("provider")
    return f"roles: {', '.join(found) or 'none'}"


def site(analyzer: Analyzer, unit: Unit, number: int, found: Site) -> str:
    """One site: the acquire, what it hands out and through what, how the function ends, and its states."""
    exploration = analyzer.explore(unit, found)
    text = " ".join(unit.text(found.acquired_at).split())
    lines = [f"site {number}: row {row(unit, found.acquired_at)}: {text}", *_acquisition(analyzer, found.acquisition)]
    lines += [f"ending: {ending(unit, e)}" for e in exploration.endings]
    lines += [f"defect: {d.what} (row {row(unit, d.at)})" for d in exploration.defects]
    if exploration.capped:
        lines.append("too many paths: some conditions were forgotten")
    if exploration.bounded:
        lines.append("what it calls was not followed to the end")
    lines += ["states:", *(f"  {line}" for line in states(unit, exploration))]
    return "\n".join([lines[0], *(f"  {line}" for line in lines[1:])])


def unknown(found: Unknown) -> str:
    """A receiver that is not known, and why."""
    return f"not known: row {found.row}: {found.receiver} is {found.reason}"


def row(unit: Unit, at: int) -> int:
    """The source row of an operation."""
    return unit.span(at).start.row


def _acquisition(analyzer: Analyzer, found: Acquisition) -> Iterator[str]:
    yield f"kind: {', '.join(kind.id for kind in found.kinds)}, acquired on {' or '.join(on.value for on in found.on)}"
    notes = [f"confidence {found.confidence.value}"]
    if found.maybe_none:
        notes.append("may be None")
    if found.element is not None:
        notes.append(f"element {found.element} of a tuple")
    if found.generator:
        notes.append("a context manager of the project")
    if found.owner is not None:
        notes.append(f"inside {found.owner.key}.{found.owner.attribute}")
    yield ", ".join(notes)
    for ref in found.through:
        info = analyzer.info(ref)
        yield f"through: {ref.key} (row {info.def_row if info is not None else '?'} of {ref.path})"


def ending(unit: Unit, found: Ending[State]) -> str:
    """How the function is left, and the state then."""
    how = "exception" if found.edge is Edge.RAISED else "return"
    place = f" at row {row(unit, found.at)}" if found.at is not None else ""
    return f"{how}{place}: {state(unit, found.state)}"


def states(unit: Unit, exploration: Exploration[State]) -> Iterator[str]:
    """The states in which each block is entered, in order of the blocks."""
    by_block: dict[int, list[State]] = {}
    for node in exploration.arrivals:
        by_block.setdefault(node.block, []).append(node.state)
    for block in sorted(by_block):
        for found in by_block[block]:
            yield f"block {block}: {state(unit, found)}"


def state(unit: Unit, found: State) -> str:
    """One state on one line; temporaries are left out, for nobody can name them."""
    parts = [" ".join([found.phase.name.lower(), *sorted(r for r in found.refs if not is_temporary(r))])]
    parts += sorted(f"{value} belongs to it ({part})" for value, part in found.parts if not is_temporary(value))
    known = sorted((name, fact.name.lower()) for name, fact in found.facts if not is_temporary(name))
    parts += [f"{name} {fact}" for name, fact in known]
    parts += [mark.name.lower() for mark in Mark if mark in found.marks]
    if found.exception:
        parts.append("cancelled" if found.exception == CANCELLED else f"exception {found.exception}")
    if found.opened is not None:
        parts.append(f"transaction since row {row(unit, found.opened)}")
    if found.lapse is not None:
        parts.append(f"not rolled back since row {row(unit, found.lapse)}")
    return ", ".join(parts)
