"""Summaries on demand: what calling a project function does to a connection, each worked out once a run.

They are asked for while another function is being explored, so the order is the call graph's. Functions that call each
other and chains of them are `Answers`' affair: a function that is asked for while it is itself being explored counts at
first as one that borrows the connection, hands nothing out and may raise.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from msgspec.structs import replace

from putback.drivers.schema import Kind
from putback.flow import ir
from putback.flow.names import Invoke
from putback.flow.solve import Edge, Exploration
from putback.ownership.analysis import acquire, acquire_kept, summary
from putback.ownership.analysis.beginning import beginning
from putback.ownership.analysis.domain import Phase, State
from putback.ownership.analysis.errors import About
from putback.ownership.analysis.events import CallInfo, describe
from putback.ownership.analysis.handlers import CANCELLED, UNKNOWN, is_class, is_of_no_other
from putback.ownership.analysis.no_return import NoReturn
from putback.ownership.analysis.program import Program
from putback.ownership.analysis.site import Acquisition, Owner, Site
from putback.ownership.analysis.summary import ManagerEffect, ParamEffect
from putback.ownership.analysis.unit import Unit
from putback.ownership.index.astnames import to_expr
from putback.ownership.index.module import FunctionInfo
from putback.ownership.resolve.types import ClassRef, FunctionRef, Scope

_LONGEST_PURE = 40


class Summaries:
    """One run's summaries of the functions of the project."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._answers = program.answers
        self.no_return = NoReturn(program)

    def argument_effects(
        self, acquisition: Acquisition, info: CallInfo, argument: ir.Argument, position: int, phase: Phase
    ) -> list[ParamEffect]:
        """The summaries of all project functions that a call can reach, for one argument."""
        found = []
        for function in self._callees(info):
            name = self._parameter(function, argument, position + info.given)
            if name:
                found.append(self.param_effect(function, name, acquisition, phase))
        return found

    def _callees(self, info: CallInfo) -> Iterable[FunctionRef]:
        yield from info.functions
        for cls in info.classes:
            for module, found in self._program.resolver.classes.lineage(cls.path, cls.key):
                if "__init__" in found.methods:
                    yield FunctionRef(module.path, found.methods["__init__"], True)
                    break

    def _parameter(self, function: FunctionRef, argument: ir.Argument, position: int) -> str:
        info = self._program.info(function)
        if info is None or argument.star:
            return ""
        if argument.keyword:
            return next((p.name for p in info.params if p.name == argument.keyword and not p.kind.startswith("*")), "")
        is_static = self._program.resolver.has_decorator(info, function.path, {"staticmethod"})
        skip = function.bound and info.owner and not is_static
        plain = [p.name for p in info.params if not p.kind][1 if skip else 0 :]
        return plain[position] if position < len(plain) else ""

    def param_effect(self, ref: FunctionRef, name: str, acquisition: Acquisition, phase: Phase) -> ParamEffect:
        """What `ref` does to the connection it knows as `name`, or that is in the tuple which it knows so."""
        given = acquisition.given(phase is Phase.PENDING, whole=True)

        def find() -> ParamEffect:
            unit = self._program.unit(ref.path, ref.key)
            if unit is None:
                return summary.borrowed(phase)
            found = self._program.explore(unit, Site(None, given, name), phase)
            owned = self._program.context.owner_releases(unit)
            effect = summary.make(found, phase, owned, unit)
            return replace(effect, raises_drivers=self._raises_drivers(unit, found, given.kind))

        return self._answers.ask(("effect", ref.path, ref.key, name, given.key, phase), find, summary.borrowed(phase))

    def _raises_drivers(self, unit: Unit, found: Exploration[State], kind: Kind) -> bool:
        """Whether no other error leaves a function than what a driver's call and reading data raise, and what a `raise`
        says of the database."""
        endings = (e.state.exception or UNKNOWN for e in found.endings if e.edge is Edge.RAISED)
        raised = set(endings) - {CANCELLED}
        told = [each for each in raised if is_class(each)]
        errors = self._program.errors
        return all(is_of_no_other(each) for each in raised.difference(told)) and all(
            errors.about(unit, [each], kind) is About.DATABASE for each in told
        )

    def manager_effect(
        self, ref: FunctionRef, name: str, acquisition: Acquisition, phase: Phase
    ) -> ManagerEffect | None:
        """What the context manager that the generator `ref` is does to the connection it knows as `name`."""
        given = acquisition.given(phase is Phase.PENDING)

        def find() -> ManagerEffect | None:
            unit = self._program.unit(ref.path, ref.key)
            if unit is None:
                return None
            found = self._program.explore(unit, Site(None, given, name), phase)
            owned = self._program.context.owner_releases(unit)
            return summary.make_manager(found, phase, owned, unit)

        return self._answers.ask(("manager", ref.path, ref.key, name, given.key, phase), find, None)

    def parameter_for(self, function: FunctionRef, argument: ir.Argument, position: int) -> str:
        """The parameter of a project function that takes an argument; "" when that cannot be told."""
        return self._parameter(function, argument, position)

    def owner_effect(self, owner: Owner, method: str, acquisition: Acquisition, phase: Phase) -> ParamEffect | None:
        """What a method of a project object does to the connection it keeps; None when its class has no such method."""
        for module, cls in self._program.resolver.classes.lineage(owner.path, owner.key):
            if method in cls.methods:
                ref = FunctionRef(module.path, cls.methods[method])
                return self.param_effect(ref, self.own_path(ref, owner.attribute), acquisition, phase)
        return None

    def own_path(self, ref: FunctionRef, attribute: str) -> str:
        """How a method writes an attribute of its object."""
        return f"{self._program.own(ref.path, ref.key)}.{attribute}"

    def closure_releases(self, unit: Unit, key: str, acquisition: Acquisition, state: State) -> bool:
        """Whether a function or lambda nested in `unit` gives back the connection that it captures."""
        names = [n for n in unit.closures.get(key, ()) if n in state.refs]
        captured = replace(acquisition, element=None, beside=())
        effects = [self.param_effect(FunctionRef(unit.path, key), n, captured, Phase.HELD) for n in names]
        return any(e.normal in (Phase.RELEASED, Phase.CLOSED, Phase.PASSED) or e.normal is None for e in effects)

    def cannot_raise(self, info: CallInfo) -> bool:
        """Whether a call is taken not to raise."""
        if info.quiet or (info.drivers and all(not d.effect.raises for d in info.drivers)):
            return True
        return (
            bool(info.functions or info.classes)
            and all(map(self._runs_nothing, info.classes))
            and not any(map(self.may_raise, info.functions))
        )

    def _runs_nothing(self, cls: ClassRef) -> bool:
        """Whether making an object of a project class runs no code but Python's own: it has no constructor and no base
        outside of the project that may have one."""
        classes = self._program.resolver.classes
        return not classes.outside_bases(cls.path, cls.key) and not classes.has_constructor(cls.path, cls.key)

    def may_raise(self, ref: FunctionRef) -> bool:
        """Whether a project function can raise; True unless it is short and every call in it is known not to."""
        return self._answers.ask(("may raise", ref.path, ref.key), lambda: self._may_raise(ref), True)

    def _may_raise(self, ref: FunctionRef) -> bool:
        info = self._program.info(ref)
        if info is None or info.end_row - info.row > _LONGEST_PURE:
            return True
        return self._begins_raising(ref, info) or self._explored_raises(ref)

    def _begins_raising(self, ref: FunctionRef, info: FunctionInfo) -> bool:
        """Whether something can raise that runs in a function whenever it is called."""
        for node in beginning(self._program.function_part(ref.path, info)):
            if not isinstance(node, ast.Call):
                return True
            expr = to_expr(node)
            if not isinstance(expr, Invoke):
                return False
            call = describe(expr, Scope(ref.path, ref.key), self._program.resolver)
            if call.ends_process:
                return False
            if not self.cannot_raise(call):
                return True
        return False

    def _explored_raises(self, ref: FunctionRef) -> bool:
        unit = self._program.unit(ref.path, ref.key)
        if unit is None:
            return True
        kinds = next(iter(self._program.catalog.kinds.values()))
        found = self._program.explore(unit, Site(None, Acquisition((kinds,)), ""), Phase.ABSENT)
        return any(e.edge is Edge.RAISED for e in found.endings)

    def returns(self, ref: FunctionRef) -> tuple[Acquisition, ...]:
        """The connections that calling a project function hands to its caller."""
        nothing: tuple[Acquisition, ...] = ()
        return self._answers.ask(("returns", ref.path, ref.key), lambda: self._returned(_unbound(ref)), nothing)

    def _returned(self, ref: FunctionRef) -> tuple[Acquisition, ...]:
        unit = self._program.unit(ref.path, ref.key) if self._program.carriers.hands_out(ref) else None
        return tuple(acquire.returned(self._program, unit, ref)) if unit is not None else ()

    def keeps(self, ref: FunctionRef, cls: ClassRef) -> tuple[Acquisition, ...]:
        """The connections that a method takes for its object, of class `cls`, in attributes that others give back."""
        nothing: tuple[Acquisition, ...] = ()
        return self._answers.ask(("keeps", ref.path, ref.key, cls), lambda: self._kept(ref, cls), nothing)

    def _kept(self, ref: FunctionRef, cls: ClassRef) -> tuple[Acquisition, ...]:
        unit = self._program.unit(ref.path, ref.key)
        return tuple(acquire_kept.kept(self._program, unit, cls)) if unit is not None else ()


def _unbound(ref: FunctionRef) -> FunctionRef:
    """The function itself, whatever object it is called on."""
    return FunctionRef(ref.path, ref.key) if ref.bound else ref
