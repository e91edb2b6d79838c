"""What the rewritten constructs do: the helpers that instrumented code calls, bound to one run."""

from __future__ import annotations

import inspect
import itertools
import sys
import types
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

from putback.model.running import Broken
from putback.verify import reflection
from putback.verify.absent import Absent
from putback.verify.errors import Errors
from putback.verify.events import What
from putback.verify.extract import Program
from putback.verify.faults import ConversionFailure, Cut, real
from putback.verify.fingerprint import call_text, fingerprint, remember
from putback.verify.ownership import reaches
from putback.verify.resource import Belonging, Connection
from putback.verify.roles import Context
from putback.verify.standin import StandIn, is_dunder
from putback.verify.texts import MAKING, Text, is_symbolic, made_of, percent
from putback.verify.unknown import VERIFIED
from putback.verify.world import World

_OF_THE_MODEL = ("__class__", "__dict__")  # of an object of a driver: the model's own, and nobody else's business
_REST = "**"
_FREE_ROUNDS = 2
_MOST_ROUNDS = 40
_MOST_WHILE_ROUNDS = 3
_MOST_ROUNDS_OF_ALL = 2_000

Shape = tuple[Any, ...] | str | None


class Runtime:
    """The helpers of one program; `begin` binds them to the next run."""

    world: World

    def __init__(self, program: Program) -> None:
        self.program = program
        self._narrow: tuple[int, int] | None = None
        self.errors = Errors(program)

    def begin(self, world: World) -> None:
        """Serve this run from now on."""
        self.world = self.errors.world = world
        self._narrow = None
        self._rounds = 0

    # -- statements and loops

    def at(self, number: int) -> None:
        """A statement is reached."""
        self.world.points.add(number)
        self.world.point = number
        if self._narrow is not None and not self._is_within(number, *self._narrow):
            self._widen()
        if self.world.cut_off is not None:
            raise Cut(self.world.cut_off)

    def _is_within(self, number: int, first: int, last: int) -> bool:
        """Whether a statement is of a loop, or of a function that is taken along and called there."""
        return first <= number <= last or number <= self.program.along < first

    def again(self, condition: Any, site: int) -> Any:
        """Whether a `while` loop goes round: once by default, and by choice again."""
        rounds = self.world.rounds
        rounds["while", site] = rounds.get(("while", site), 0) + 1
        if isinstance(condition, StandIn):
            self.world.depends(condition._pb_seen)
            return self.world.branch(f"while {condition._pb_path}", usually=rounds["while", site] <= 1)
        return condition

    def enter(self, site: int) -> None:
        """A loop is reached, perhaps once more."""
        self.world.rounds.pop(site, None)
        self.world.rounds.pop(("while", site), None)

    def round(self, site: int) -> None:
        """A round of a loop begins: the first two branch freely, later ones take the defaults, endless ones are cut.

        A connection that is out and that no variable reaches any more is lost.
        """
        world = self.world
        number = world.rounds[site] = world.rounds.get(site, 0) + 1
        self._rounds += 1
        is_while = ("while", site) in world.rounds
        if world.cut_off is not None:
            raise Cut(world.cut_off)
        if number > 1:
            self._look_for_lost()
        if number > _FREE_ROUNDS:
            world.decider.frozen = True
            self._narrow = self.program.loops[site]
        elif is_while and number == _FREE_ROUNDS:
            world.no_new_faults = True
            world.decider.allowance = 1
            self._narrow = self.program.loops[site]
        if self._rounds > _MOST_ROUNDS_OF_ALL or (is_while and number > _MOST_WHILE_ROUNDS):
            world.cut("loop")

    def _widen(self) -> None:
        """The loop whose later rounds were narrowed is left."""
        self._narrow = None
        self.world.decider.frozen = False
        self.world.decider.allowance = None
        self.world.no_new_faults = False

    def _look_for_lost(self) -> None:
        """What no variable reaches any more is lost, and what an earlier round has closed wrongly."""
        for slot in self.world.connections.slots:
            if not slot.holds or slot.is_lent or slot.is_scoped or slot.handed_on:
                continue
            if not slot.is_out or not self._is_reachable(slot):
                slot.handed_on = True
                broken = Broken.LEAK_IN_LOOP if slot.is_out else Broken.CLOSED
                self.world.violated(broken, slot.name, slot.role.callee)

    def _is_reachable(self, slot: Any) -> bool:
        frame: types.FrameType | None = sys._getframe(2)
        while frame is not None:
            names = frame.f_locals.items() if frame.f_code.co_filename == VERIFIED else ()
            if any(reaches(v, slot) for k, v in names if not k.startswith("__")):
                return True
            frame = frame.f_back
        return any(reaches(v, slot) for v in self.world.kept)

    def items(self, value: Any, shape: Shape = None) -> Any:
        """What a loop iterates over: as much of it as rounds are made."""
        if isinstance(value, StandIn):
            return self._steps(value, shape, awaited=False)
        few = itertools.islice(value, _MOST_ROUNDS)
        return few if shape is None else (self.unpack(v, shape) for v in few)

    def _steps(self, value: StandIn, shape: Shape, *, awaited: bool) -> Iterator[Any]:
        """The items of a stand-in; from level 2 on each step can fail, the last one too."""
        items = iter(value)
        while True:
            self.world.step_of(value._pb_path, awaited=awaited)
            try:
                item = next(items)
            except StopIteration:
                return
            yield self.unpack(item, shape)

    async def aitems(self, value: Any, shape: Shape = None) -> AsyncIterator[Any]:
        """What `async for` iterates over."""
        if isinstance(value, StandIn):
            for item in self._steps(value, shape, awaited=True):
                yield item
        elif hasattr(value, "__aiter__"):
            async for item in value:
                yield self.unpack(item, shape)
        else:
            for item in value:
                yield self.unpack(item, shape)

    def unpack(self, value: Any, shape: Shape) -> Any:
        """A value taken apart: a stand-in has as many items as are asked for."""
        if not isinstance(shape, tuple):
            return value
        if type(value) is tuple and len(value) == len(shape) and "*" not in shape:
            return tuple(map(self.unpack, value, shape))
        if not isinstance(value, (StandIn, Belonging)):
            return value
        return [[] if s == "*" else self.unpack(value[n], s) for n, s in enumerate(shape)]

    # -- operators

    def same(self, left: Any, right: Any) -> bool:
        """`left is right`."""
        if left is right or (isinstance(left, type) and real(left) is real(right)):
            return True
        if isinstance(left, Absent):
            left = None
            return left is right
        for value, other in ((left, right), (right, left)):
            if isinstance(value, Connection) and other is None:
                return not self.world.connections.is_there(value._pb_slot)
            if isinstance(value, Connection) and isinstance(other, StandIn):
                return self.world.branch(f"{fingerprint(value)} is {fingerprint(other)}", usually=False, once=True)
            if isinstance(value, StandIn):
                if other is None:
                    return self.world.is_none(value._pb_path, value._pb_seen)
                if isinstance(other, bool):
                    return self.world.truth(value._pb_path, value._pb_seen) is other
                if isinstance(other, StandIn):
                    return value._pb_path == other._pb_path
        return False

    def contains(self, item: Any, container: Any) -> bool:
        """`item in container`."""
        if isinstance(container, (StandIn, Text)):
            return item in container
        label = f"{fingerprint(item)} in {fingerprint(container)}"
        if isinstance(container, str):
            unknown = isinstance(item, (StandIn, Text))
            return self.world.branch(label, usually=False) if unknown else item in container
        if not _is_symbolic(item, container):
            return bool(item in container)
        if any(each is item for each in container):
            return True
        return len(container) > 0 and self.world.branch(label)

    def item(self, container: Any, key: Any) -> Any:
        """`container[key]`."""
        if isinstance(container, dict) and key not in container:
            if isinstance(key, StandIn) or _is_open(container):
                return self.world.standin(f"{fingerprint(container)}[{fingerprint(key)}]")
        elif isinstance(container, StandIn) and sys.exc_info()[0] is None:
            self.world.item_of(container._pb_path, key)
        elif isinstance(container, tuple) and isinstance(key, int) and _carries_text(container):
            return container[0] if key in (0, -1) else self.world.standin(f"{container[0]._pb_path}.args[{key}]")
        elif isinstance(key, StandIn) and isinstance(container, (list, tuple, str)):
            return container[0] if container else self.world.standin(f"[][{fingerprint(key)}]")
        return container[key]

    def dunder(self, value: Any, name: str) -> Any:
        """`value.__name__` and its like."""
        reflection.check(value, name)
        if isinstance(value, StandIn) and is_dunder(name):
            return self.world.standin(f"{value._pb_path}.{name}")
        if isinstance(value, Belonging) and name in _OF_THE_MODEL:
            return self.world.standin(f"{fingerprint(value)}.{name}")
        return getattr(value, name)

    def keywords(self, value: Any) -> dict[str, Any]:
        """`**value`: a stand-in adds nothing."""
        if isinstance(value, (StandIn, Belonging)):
            return {}
        return {k if isinstance(k, str) else fingerprint(k): v for k, v in dict(value).items()}

    def merged(self, value: Any) -> dict[Any, Any]:
        """`{**value}`: what a stand-in adds stays open."""
        return {_REST: value} if isinstance(value, (StandIn, Belonging)) else dict(value)

    def join(self, separator: Any, parts: Any) -> Any:
        """`separator.join(parts)`."""
        if not isinstance(separator, str):
            return separator.join(parts)
        return separator.join(str(p) if isinstance(p, StandIn) else p for p in parts)

    def method(self, value: Any, name: str, *arguments: Any, **keywords: Any) -> Any:
        """A method that dictionaries and texts have too: with a stand-in as argument the answer is open."""
        if arguments and isinstance(value, dict) and name in ("get", "pop"):
            key = arguments[0]
            open_ = isinstance(key, StandIn) and bool(value)
            if key not in value and (open_ or _is_open(value)):
                return self.world.standin(f"{fingerprint(value)}[{fingerprint(key)}]")
        elif isinstance(value, type) and any(isinstance(a, StandIn) for a in arguments):
            label = call_text(f"{value.__name__}.{name}", arguments, keywords)
            self.world.fault(label, (ConversionFailure,))
            return self.world.standin(label)
        elif name in MAKING and type(value) is str and is_symbolic(value):
            return made_of(self.world, value, name, arguments, keywords)
        elif type(value) is str and any(isinstance(a, StandIn) for a in arguments):
            label = call_text(f"{fingerprint(value)}.{name}", arguments, keywords)
            return self.world.branch(label) if name.endswith("swith") else self.world.standin(label)
        return getattr(value, name)(*arguments, **keywords)

    def percent(self, left: Any, right: Any) -> Any:
        """`left % right`, where the left side may be a text."""
        return percent(self.world, left, right)

    # -- calls with a role

    def acquires(self, number: int, row: int, callee: Any, *arguments: Any, **keywords: Any) -> Any:
        """A call that acquires."""
        return self.world.unknown.acquires(self.world.roles.acquires[number], callee, arguments, keywords, row)

    def passes(self, number: int, callee: Any, *arguments: Any, **keywords: Any) -> Any:
        """A call that is given a connection."""
        return self.world.unknown.passes(self.world.roles.passes[number], callee, arguments, keywords)

    def uses(self, number: int, callee: Any, *arguments: Any, **keywords: Any) -> Any:
        """A call that uses scoped sessions, or makes a context that cleans up after them."""
        role = self.world.roles.uses[number]
        if isinstance(role, Context):
            return self.world.scopes.context(role)
        if not isinstance(callee, StandIn):
            return callee(*arguments, **keywords)
        return self.world.scopes.used(role, arguments, keywords)

    def own(self, name: str, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        """A call of a function of the project that is taken along."""
        given = _given(function, arguments)
        with self.world.within(name, given):
            result = function(*arguments, **keywords)
        return self._awaited(name, given, result) if inspect.iscoroutine(result) else result

    def hands_out(self, profile: str, element: int | None, callee: str, row: int, *called: Any, **keywords: Any) -> Any:
        """The same for one that hands a connection out: whatever is acquired in it, this call has acquired."""
        with self.world.taking(callee, row):
            result = self.own(*called, **keywords)
        if inspect.iscoroutine(result):
            return self._handed_out_later(profile, element, callee, row, result)
        return self._handed_out(profile, element, result)

    async def _handed_out_later(
        self, profile: str, element: int | None, callee: str, row: int, coroutine: Any
    ) -> Any:
        with self.world.taking(callee, row):
            result = await coroutine
        return self._handed_out(profile, element, result)

    def _handed_out(self, profile: str, element: int | None, result: Any) -> Any:
        """What is handed out: something that was there before is a connection of others."""
        if element is None:
            return self.world.connections.of_others(result, profile) if isinstance(result, StandIn) else result
        if type(result) is tuple and element < len(result):
            given = self._handed_out(profile, None, result[element])
            return (*result[:element], given, *result[element + 1 :])
        return result

    async def _awaited(self, name: str, given: Mapping[str, str], coroutine: Any) -> Any:
        with self.world.within(name, given):
            return await coroutine

    # -- functions and names

    def remembers(self, text: str) -> Callable[[Any], Any]:
        """What a function of the code is, its text says."""
        return lambda function: remember(function, text)

    def decorates(self, decorator: Any, releases: bool) -> Callable[[Any], Any]:
        """A decorator of a function in the function: one of others is given it, and leaves it as it is.

        `releases`: it gives something back when it is called, so that what it reaches is handed on.
        """
        if not isinstance(decorator, StandIn):
            return decorator if callable(decorator) else lambda function: function

        def register(function: Any) -> Any:
            self.world.note(What.EXTERNAL, f"@{decorator._pb_path} {fingerprint(function)}")
            if releases:
                self.world.kept.append(function)
            return function

        return register

    def rebound(self, name: str, *value: Any) -> None:
        """A name from around the function has got a value, or none."""
        self.world.changed(f"{name} = {fingerprint(value[0])}" if value else f"del {name}")
        self.world.kept += value

    def absent(self) -> Absent:
        """The value of a name that would be unbound."""
        return Absent()

    def free(self, name: str) -> StandIn:
        """The first value of a name from a scope around the function."""
        return self.world.standin(name)


def _given(function: Callable[..., Any], arguments: Sequence[Any]) -> Mapping[str, str]:
    """The first parameters of a function, by the provenance of the values that they get."""
    names = function.__code__.co_varnames
    return {a._pb_path: name for name, a in zip(names, arguments, strict=False) if isinstance(a, StandIn)}


def _carries_text(container: tuple[Any, ...]) -> bool:
    """Whether these are the `args` of an error of the model: a driver's carry a number or more beside the text."""
    return len(container) == 1 and isinstance(container[0], Text)


def _is_symbolic(item: Any, container: Any) -> bool:
    if isinstance(item, StandIn):
        return True
    if isinstance(container, dict):
        return _is_open(container)
    return isinstance(container, (list, tuple, set, frozenset)) and any(isinstance(each, StandIn) for each in container)


def _is_open(container: dict[Any, Any]) -> bool:
    """Whether a dictionary may have more keys than are known."""
    return any(isinstance(key, StandIn) or key == _REST for key in container)


_OWN = (
    "at", "method", "enter", "again", "round", "items", "aitems", "unpack", "same", "contains", "item", "dunder",
    "keywords", "merged", "join", "percent", "acquires", "passes", "uses", "own", "hands_out", "free", "remembers",
    "decorates", "rebound", "absent",
)  # fmt: skip
_OF_ERRORS = ("caught_class", "caught", "raising")


def helpers(runtime: Runtime) -> Iterator[tuple[str, Any]]:
    """The methods that instrumented code calls, by name."""
    yield from ((name, getattr(runtime, name)) for name in _OWN)
    yield from ((name, getattr(runtime.errors, name)) for name in _OF_ERRORS)
