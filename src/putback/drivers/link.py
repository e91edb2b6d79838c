"""What ties driver tables together: references to kinds and types, inheritance of constructors, extension."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from msgspec.structs import asdict, replace

from putback.drivers.schema import INHERITED, Driver, Effect, Kind, TypeSpec
from putback.tables import Where, suggestion


class Reference(NamedTuple):
    """A kind id or type name that a table mentions, and the path of the key that mentions it."""

    noun: str
    name: str
    path: tuple[str, ...]


def mentioned(driver: Driver) -> tuple[set[str], set[str]]:
    """The kind ids and the type names that a driver's table mentions."""
    kinds: set[str] = set()
    types = {kind.type for kind in driver.kinds.values()}
    seen = {id(effect): effect for effect in driver.functions.values()}
    for spec in driver.types.values():
        types.update(spec.bases, [attribute.type for attribute in spec.attributes.values()])
        seen.update((id(effect), effect) for effect in (spec.init, *spec.methods.values()))
        if spec.call is not None:
            seen[id(spec.call)] = spec.call
    for effect in seen.values():
        kinds.update((effect.acquires, *effect.when.values()))
        types.update((effect.returns, effect.derives, *effect.derives_when.values()))
    return kinds - {""}, types - {""}


def check_references(driver: Driver, label: str, kinds: Mapping[str, Kind], types: Mapping[str, TypeSpec]) -> None:
    """Fail for the first reference to a kind or type that no table describes; `label` names the table's file."""
    its_kinds, its_types = mentioned(driver)
    if its_kinds <= kinds.keys() and its_types <= types.keys():
        return
    for noun, name, path in _references(driver):
        known: Mapping[str, object] = kinds if noun == "kind" else types
        if name not in known:
            near = [each for each in known if each.partition(".")[0] == name.partition(".")[0]]
            remedy = f" Known there: {', '.join(near)}." if near else ""
            Where(label, driver.name, path).fail(f'unknown {noun} "{name}".{suggestion(name, known)}{remedy}')


def _references(driver: Driver) -> Iterator[Reference]:
    for kind_id, kind in driver.kinds.items():
        yield Reference("type", kind.type, ("kinds", kind_id.rpartition(".")[2], "type"))
    for name, effect in driver.functions.items():
        yield from _of_effect(effect, ("functions", name))
    for name, spec in driver.types.items():
        yield from _of_type(spec, ("types", name))


def _of_type(spec: TypeSpec, path: tuple[str, ...]) -> Iterator[Reference]:
    for base in spec.bases:
        yield Reference("type", base, (*path, "bases"))
    yield from _of_effect(spec.init, (*path, "init"))
    if spec.call is not None:
        yield from _of_effect(spec.call, (*path, "call"))
    for name, effect in spec.methods.items():
        yield from _of_effect(effect, (*path, "methods", name))
    for name, attribute in spec.attributes.items():
        if attribute.type:
            yield Reference("type", attribute.type, (*path, "attributes", name, "type"))


def _of_effect(effect: Effect, path: tuple[str, ...]) -> Iterator[Reference]:
    if effect.acquires:
        yield Reference("kind", effect.acquires, (*path, "acquires"))
    for keyword, kind_id in effect.when.items():
        yield Reference("kind", kind_id, (*path, "when", keyword))
    if effect.returns:
        yield Reference("type", effect.returns, (*path, "returns"))
    if effect.derives:
        yield Reference("type", effect.derives, (*path, "derives"))
    for keyword, name in effect.derives_when.items():
        yield Reference("type", name, (*path, "derives_when", keyword))


def inherit(types: Mapping[str, TypeSpec]) -> dict[str, TypeSpec]:
    """Give each type without a constructor or call of its own those of its first base that has them."""
    return {name: _with_inherited(spec, types, (name,)) for name, spec in types.items()}


def _with_inherited(spec: TypeSpec, types: Mapping[str, TypeSpec], line: tuple[str, ...]) -> TypeSpec:
    """`line` holds the names from the type in question down to this base."""
    init, call = spec.init, spec.call
    for base in spec.bases:
        if base in line:
            Where(f"driver {spec.driver}", spec.driver, ("types", line[0], "bases")).fail(f'"{base}" is its own base.')
        if base in types:
            parent = _with_inherited(types[base], types, (*line, base))
            init = parent.init if init is INHERITED else init
            call = call or parent.call
    return spec if init is spec.init and call is spec.call else replace(spec, init=init, call=call)


def extended(driver: Driver, own: Driver) -> Driver:
    """The built-in driver with the entries of a user's table of the same name; the user's win."""
    merged: dict[str, Any] = {}
    added = asdict(own)
    for key, old in asdict(driver).items():
        if isinstance(old, Mapping):
            merged[key] = {**old, **added[key]}
        elif isinstance(old, tuple):
            merged[key] = tuple(dict.fromkeys((*old, *added[key])))
    return replace(driver, **merged)
