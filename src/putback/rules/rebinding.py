"""A name that stands for one connection after the other: which of its mentions mean which."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import libcst as cst

from putback.fixes.closers import forgets
from putback.fixes.code import Code
from putback.fixes.region import bindings, is_target
from putback.ownership.analysis.derived import Leaving
from putback.ownership.analysis.meanings import Meanings, meanings
from putback.ownership.facts.site_facts import SiteFacts


@dataclass(frozen=True, slots=True)
class Foreign:
    """The mentions of a connection's names that mean something else, and the operations that read them so."""

    mentions: frozenset[cst.CSTNode] = frozenset()
    operations: frozenset[int] = frozenset()


def foreign_mentions(site: SiteFacts, code: Code, name: str) -> Foreign:
    """What stands for something else than the connection of `site`, for each of its names that is bound more than once.

    `name` is that of the connection itself ("" for none).

    Nothing for one that may be either at one and the same place: then its bindings cannot be told apart.
    """
    mentions: set[cst.CSTNode] = set()
    operations: frozenset[int] = frozenset()
    for each in sorted(filter(None, site.release_points.values | {name})):
        if len(bindings(code, each)) < 2:
            continue
        found = _Mentions(site, code, each)
        if found.is_mixed:
            continue
        mentions |= found.foreign
        if each == name:
            operations = found.known.others - found.known.ours
    return Foreign(frozenset(mentions), operations)


def unneeded_mentions(leaving: Leaving, code: Code, names: Iterable[str]) -> Iterator[cst.CSTNode]:
    """The mentions of `names`, by which something is read that needs the connection, where they mean something else."""
    for name in names:
        elsewhere = leaving.elsewhere.get(name, frozenset())
        for node in code.mentions(name) if elsewhere else ():
            ats = set(_operations_at(code, node))
            if ats and ats <= elsewhere:
                yield node


def _is_forgotten(code: Code, node: cst.Name) -> bool:
    return any(isinstance(a, cst.SimpleStatementLine) and forgets(a, node.value) for a in code.ancestors(node))


class _Mentions:
    """The mentions of one name in a function."""

    def __init__(self, site: SiteFacts, code: Code, name: str) -> None:
        self.code = code
        self.known: Meanings = meanings(site.way, name)
        self.foreign: set[cst.CSTNode] = set()
        self.is_mixed = False
        for node in code.mentions(name):
            self._judge(node)

    def _judge(self, node: cst.Name) -> None:
        ats = set(_operations_at(self.code, node, self.known.reached))
        if is_target(self.code, node):
            if ats and not ats & self.known.bound and not _is_forgotten(self.code, node):
                self.foreign.add(node)
            return
        ours, others = bool(ats & self.known.ours), bool(ats & self.known.others)
        self.is_mixed = self.is_mixed or (ours and others)
        if others and not ours:
            self.foreign.add(node)


def _operations_at(code: Code, node: cst.CSTNode, wanted: Collection[int] | None = None) -> Iterator[int]:
    """The operations, of those `wanted`, of the innermost node around a node that has any, up to its statement."""
    for around in (node, *code.ancestors(node)):
        here = [at for at in code.operations.get(id(around), ()) if wanted is None or at in wanted]
        if here or isinstance(around, cst.BaseSmallStatement | cst.BaseStatement):
            yield from here
            return
