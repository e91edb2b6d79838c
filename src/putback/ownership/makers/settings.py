"""How a pool is set up: the arguments of the call that makes it, also those that a wrapper is given by its callers."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from msgspec import Struct

from putback.drivers.schema import Backend, Limit, Parameter, Pool
from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.index.module import FunctionInfo
from putback.ownership.makers.often import frequency_of
from putback.ownership.makers.parts import Function, Part
from putback.ownership.makers.users import Use
from putback.ownership.makers.values import Spot, Values
from putback.ownership.makers.worth import HIDDEN, NOT_SEEN, Options, Value
from putback.ownership.resolve.types import FunctionRef

_MOST = 8


class Settings(Struct, frozen=True):
    """One way that a pool is set up. `whole`: no argument is hidden.

    `by` is where the wrapper is called that is given them: path and row; None where the arguments stand in the call.
    """

    pool: Pool
    arguments: Mapping[str, Value]
    whole: bool
    by: tuple[str, int] | None = None

    def of(self, parameter: Parameter | Limit | None) -> Value | None:
        """What is given for a parameter; None when nothing is."""
        return self.arguments.get(parameter.name) if parameter is not None else None

    def number(self, limit: Limit | None) -> Value:
        """The number for a limit, its default if none is given."""
        if limit is None:
            return Value(0)
        found = self.arguments.get(limit.name) or self.arguments.get(limit.like)
        if found is None and self.whole:
            return Value(limit.default) if limit.default is not None else NOT_SEEN
        return found or NOT_SEEN

    @property
    def url(self) -> str:
        """The URL or connection string, as far as it is seen."""
        found = self.of(self.pool.url)
        return found.text if found is not None else ""

    @property
    def options(self) -> Options | None:
        """What is passed on to the driver's `connect`; None where that cannot be seen."""
        found = self.arguments.get(self.pool.passes) if self.pool.passes else None
        if found is None:
            return Options({}, self.whole)
        return found.it if isinstance(found.it, Options) else None

    def backend(self, backends: Mapping[str, Backend]) -> Backend | None:
        """The database that the URL is of; None where that cannot be seen."""
        scheme = self.url.partition(":")[0]
        return None if HIDDEN in scheme else backends.get(scheme.partition("+")[0])

    @property
    def host(self) -> str:
        """The host that the URL names, with its port; "" where none is seen."""
        return self.url.partition("://")[2].partition("/")[0].rpartition("@")[2].lower()

    @property
    def dialect(self) -> str:
        """The driver that the URL names behind the plus; "" for none."""
        return self.url.partition(":")[0].partition("+")[2]


class Reader:
    """Reads how pools are set up."""

    def __init__(self, analyzer: Analyzer) -> None:
        self.analyzer = analyzer
        self.values = Values(analyzer)

    def settings(self, part: Part, call: ast.Call, pool: Pool) -> list[Settings]:
        """Every way in which a call sets up a pool: one for each caller of the function, if its arguments decide."""
        ref = part.ref_of(call)
        found = self.values.function(ref.path, ref.key)
        key = "" if found is None else ref.key
        read = {n.id for each in (*call.args, *call.keywords) for n in ast.walk(each) if isinstance(n, ast.Name)}
        if found is None or read.isdisjoint(p.name for p in found[0].params):
            return [self._read(call, pool, Spot(call, ref.path, key))]
        given = list(self._given(ref, *found)) or [(None, self._defaults(ref, found[1]))]
        return [self._read(call, pool, Spot(call, ref.path, key, each), by) for by, each in given]

    def _read(self, call: ast.Call, pool: Pool, spot: Spot, by: tuple[str, int] | None = None) -> Settings:
        arguments: dict[str, Value] = {}
        whole = not any(isinstance(each, ast.Starred) for each in call.args)
        for parameter in (pool.url, pool.size, pool.overflow):
            if parameter is not None and 0 <= parameter.index < len(call.args):
                arguments[parameter.name] = self.values.value(spot.beside(call.args[parameter.index]))
        for keyword in call.keywords:
            value = self.values.value(spot.beside(keyword.value))
            if keyword.arg is not None:
                arguments[keyword.arg] = value
            elif isinstance(value.it, Options):
                arguments.update(value.it.items)
                whole = whole and value.it.whole
            else:
                whole = False
        return Settings(pool, arguments, whole, by)

    # -- the callers of a wrapper

    def _given(
        self, ref: FunctionRef, info: FunctionInfo, node: Function
    ) -> Iterator[tuple[tuple[str, int] | None, dict[str, Spot]]]:
        defaults = self._defaults(ref, node)
        for use in frequency_of(self.analyzer).users.of(ref)[:_MOST]:
            if use.call is not None:
                by = (use.part.path, use.part.row(use.call))
                yield by, {**defaults, **self._passed(use, use.call, info, node)}

    def _defaults(self, ref: FunctionRef, node: Function) -> dict[str, Spot]:
        args = node.args
        plain = [*args.posonlyargs, *args.args]
        pairs = (
            *zip(plain[len(plain) - len(args.defaults) :], args.defaults, strict=True),
            *zip(args.kwonlyargs, args.kw_defaults, strict=True),
        )
        return {arg.arg: Spot(default, ref.path) for arg, default in pairs if default is not None}

    def _passed(self, use: Use, call: ast.Call, info: FunctionInfo, node: Function) -> dict[str, Spot]:
        key = use.part.scope_of(call).function
        plain = [p.name for p in info.params if not p.kind]
        plain = plain[1:] if info.own else plain
        passed = {name: Spot(each, use.part.path, key) for name, each in zip(plain, call.args, strict=False)}
        known = {p.name for p in info.params}
        passed |= {k.arg: Spot(k.value, use.part.path, key) for k in call.keywords if k.arg in known and k.arg}
        if node.args.kwarg is not None:
            rest = [k for k in call.keywords if k.arg is None or k.arg not in known]
            keys: list[ast.expr | None] = [ast.Constant(k.arg) if k.arg is not None else None for k in rest]
            passed[node.args.kwarg.arg] = Spot(ast.Dict(keys, [k.value for k in rest]), use.part.path, key)
        return passed


def reader_of(analyzer: Analyzer) -> Reader:
    """The run's only one."""
    return analyzer.known(Reader)
