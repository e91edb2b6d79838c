"""One run: build the namespace, call the function the way its framework would, judge what it leaves behind."""

from __future__ import annotations

import contextlib
import gc
import inspect
import itertools
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from putback.verify.aliases import containers, shape
from putback.verify.builtin_names import KNOWN_NAMES, Builtins
from putback.verify.choices import Decider, Key, Schedule, Step
from putback.verify.connections import slot_of
from putback.verify.errors import is_raised
from putback.verify.events import Event, Overlooked, Violation, What
from putback.verify.execution import Premises
from putback.verify.extract import Program
from putback.verify.faults import Cut, Failure, Faults, Modelled, modelled
from putback.verify.fingerprint import MODULE, TEXT, fingerprint
from putback.verify.instrument import CUT, PREFIX
from putback.verify.invariants import check
from putback.verify.roles import Bounds
from putback.verify.runtime import Runtime, helpers
from putback.verify.standin import StandIn
from putback.verify.unknown import finish
from putback.verify.world import World

FINISHED = "finished"
_THROWN_IN = "thrown in at yield"
THROWN_IN = f"{Failure.__name__}({_THROWN_IN!r})"
"""How the exception reads that arrives at a yield."""
_MOST_YIELDS = 20
_MOST_READ = 20
_LAZY = (types.GeneratorType, map, filter, zip, enumerate, reversed, itertools.chain, itertools.islice)
"""What computes its items only when the caller asks for them."""
_RUNS_BETWEEN_COLLECTIONS = 256


@dataclass(slots=True)
class Run:
    """What one run did.

    `outcome` is the result or exception as text; `durable` the committed effects, `left` those that wait for the
    commit of the caller; `asked` what it did with its data that not every value allows, `decided_by` what it depends
    on of what others may have changed before; `outer` the names from around the function that have another value at
    its end; `shape` the containers that others have got, as they are then; `handed_on` whether an owner outside has
    got a connection; `has_overlooked`: it has passed over a violation; `cut_off` why the run was abandoned; `acquired`
    how many connections it took; `rows` those of the events of the trace and of the end, 0 where none is known;
    `handling` and `failed_inside` the functions taken along in which something was acquired or given back, and in
    which something has failed.
    """

    outcome: tuple[str, str]
    trace: list[Event]
    violations: list[Violation]
    durable: list[str]
    left: list[str]
    asked: frozenset[str]
    decided_by: frozenset[str]
    outer: dict[str, str]
    shape: str
    schedule: Schedule
    taken: dict[Key, int]
    trail: list[Step]
    points: set[int]
    unexplained: list[str]
    cut_off: str | None
    handed_on: bool
    acquired: int
    held_back: bool
    has_overlooked: bool
    unstable: tuple[str, str] | None
    rows: list[int]
    handling: frozenset[str] = frozenset()
    failed_inside: frozenset[str] = frozenset()

    @property
    def leaks(self) -> bool:
        """Whether a connection stays out for good."""
        return any(v.broken.is_leak for v in self.violations)


class Runner:
    """Runs one program again and again."""

    def __init__(self, program: Program, faults: Faults, overlooked: Overlooked | None = None) -> None:
        self.program = program
        self.overlooked = overlooked or Overlooked()
        self.faults = faults
        self._runs = 0
        self._runtime = Runtime(program)
        self._builtins = Builtins(self._runtime, program.handled)
        self._fixed: dict[str, Any] = {f"{PREFIX}{name}__": method for name, method in helpers(self._runtime)}
        self._fixed |= {"__name__": MODULE, "__builtins__": self._builtins.names, CUT: Cut}
        names = program.names - self._builtins.names.keys()
        self._fixed |= {n: KNOWN_NAMES[n] for n in names & KNOWN_NAMES.keys()}
        self._unknown = sorted(names - KNOWN_NAMES.keys())

    def run(self, bounds: Bounds, decider: Decider) -> Run:
        """One run under the decisions of `decider`."""
        program = self.program
        premises = Premises(program.version.roles, bounds, self.faults, program.is_async, self.overlooked)
        world = World(premises, decider)
        self._runtime.begin(world)
        self._builtins.begin()
        own = (*program.parameters, *program.keyword_only)
        world.known = {r.parameter: world.connections.known(r) for r in world.roles.lent if r.parameter not in own}
        namespace = dict(self._fixed)
        for name in self._unknown:
            namespace[name] = world.named(name)
        world.custom = self._custom_classes(world, self.faults.custom)
        world.reading = self._custom_classes(world, self.faults.reading)
        result: Any = None
        try:
            exec(program.code, namespace)
            result = self._call(namespace[program.name], world)
            outcome = ("returns", self._told(result))
        except Cut as cut:
            world.cut_off = world.cut_off or str(cut)
            outcome = ("cut", world.cut_off)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and not isinstance(error, Modelled) and not is_raised(error):
                raise
            self._runtime.errors.explain(error)
            outcome = ("raises", _raised(error))
        cut_off, world.cut_off = world.cut_off, None
        world.kept += [namespace[n] for n in program.stores if n in namespace]
        handed_on = cut_off is None and check(world, result, program.is_generator)
        outer = dict(self._outer(namespace))
        ended = world.point
        self._end(world)
        return Run(
            outcome=outcome,
            trace=world.trace,
            violations=world.violations,
            durable=world.connections.transactions.durable,
            left=world.connections.left_to_callers(),
            asked=frozenset(world.asked),
            decided_by=frozenset(world.decided_by),
            outer=outer,
            shape=shape((*world.given, *containers((result,)))) if world.given else "",
            schedule=tuple(decider.schedule),
            taken=decider.taken,
            trail=decider.trail,
            points=world.points,
            unexplained=world.unexplained,
            cut_off=cut_off,
            handed_on=handed_on,
            acquired=len(world.connections.slots),
            held_back=decider.held_back,
            has_overlooked=world.has_overlooked,
            unstable=decider.unstable,
            rows=[self.program.row_of(place) for place in (*world.places, ended)],
            handling=frozenset(world.handling),
            failed_inside=frozenset(world.failed_inside),
        )

    def _outer(self, namespace: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """What the names from around the function are now, where they are something else, and what is put on itself."""
        for name in sorted(self.program.stores):
            value = namespace.get(name)
            if type(value) is not StandIn or value._pb_path != name:
                yield name, fingerprint(value) if name in namespace else "nothing"
        function = namespace.get(self.program.name)
        for name, value in vars(function).items() if isinstance(function, types.FunctionType) else ():
            if name != TEXT:
                yield f"{self.program.name}.{name}", fingerprint(value)

    def _told(self, result: Any) -> str:
        return _read(result, self._runtime.errors.explain) if isinstance(result, _LAZY) else fingerprint(result)

    def _end(self, world: World) -> None:
        """What is left of the run, a suspended generator for example, must not act in a later one."""
        world.cut_off = "ended"
        self._runs += 1
        if self._runs % _RUNS_BETWEEN_COLLECTIONS == 0:
            gc.collect()

    def _custom_classes(self, world: World, names: Sequence[str]) -> tuple[type[BaseException], ...]:
        """The exception classes of the code itself, and builtin ones, of these names."""
        found: list[type[BaseException]] = []
        for path in names:
            builtin = self._builtins.names.get(path)
            cls = builtin if isinstance(builtin, type) else self._runtime.errors.exception_class(world.standin(path))
            if isinstance(cls, type) and issubclass(cls, BaseException):
                found.append(modelled(cls))
        return tuple(found)

    # -- calling

    def _call(self, function: Callable[..., Any], world: World) -> Any:
        program = self.program
        lent = {r.parameter: world.connections.lent(r) for r in world.roles.lent if r.parameter not in world.known}
        given = {n: lent[n] if n in lent else world.standin(n) for n in (*program.parameters, *program.keyword_only)}
        arguments = [given[n] for n in program.parameters]
        if program.collects:
            arguments.append(world.standin(f"*{program.collects}"))
        made = function(*arguments, **{n: given[n] for n in program.keyword_only})
        if program.is_generator:
            return _drive(made, world)
        return finish(made) if inspect.iscoroutine(made) else made


def _raised(error: BaseException) -> str:
    """What the caller sees of an exception: itself, its notes, and what it was raised from when that was written."""
    text = fingerprint(error)
    if error.__cause__ is not None or error.__suppress_context__:
        text += f" from {fingerprint(error.__cause__)}"
    notes = getattr(error, "__notes__", None)
    return text if not isinstance(notes, list) else f"{text} with {', '.join(map(fingerprint, notes))}"


def _read(result: Any, explain: Callable[[BaseException], None]) -> str:
    """What the caller gets who reads a lazy result to its end."""
    items: list[str] = []
    try:
        items.extend(map(fingerprint, itertools.islice(result, _MOST_READ)))
    except Cut:
        raise
    except BaseException as error:
        explain(error)
        items.append(f"then raises {fingerprint(error)}")
    return f"lazily [{', '.join(items)}]"


def _drive(generator: Any, world: World) -> Any:
    """A generator, as a framework treats a dependency or a context manager: resumed, thrown into, or closed.

    The consumer uses what it is lent.
    """
    is_async = inspect.isasyncgen(generator)
    resume, throw, close = (
        (generator.__anext__, generator.athrow, generator.aclose)
        if is_async
        else (generator.__next__, generator.throw, generator.close)
    )

    def step(method: Callable[..., Any], *arguments: Any) -> Any:
        return finish(_awaited(method(*arguments))) if is_async else method(*arguments)

    lent = 0
    try:
        value = step(resume)
        while True:
            lent += 1
            world.note(What.YIELD, fingerprint(value))
            slot = slot_of(value)
            if slot is not None:
                world.connections.lend(slot, "the consumer")
            if lent > _MOST_YIELDS:
                world.cut("yields")
            how = world.resumed()
            if how == 2:
                step(close)
                return "closed"
            value = step(throw, world.raised(Failure, _THROWN_IN)) if how == 1 else step(resume)
    except (StopIteration, StopAsyncIteration):
        return FINISHED
    finally:
        with contextlib.suppress(BaseException):
            step(close)


async def _awaited(value: Any) -> Any:
    return await value
