"""What the driver tables say of kinds and classes, in the words of the verifier."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from putback.drivers.catalog import Catalog
from putback.drivers.schema import Effect, Kind, TypeSpec
from putback.model.lifecycle import Begin
from putback.verify import roles

_OWN_METHOD = re.compile(r"\{conn\}\.(\w+)\(")
_POOL_METHOD = re.compile(r"\{pool\}\.(\w+)\(")
Types = dict[str, roles.ObjectType]
"""Classes by their qualified names."""


def profile_of(kind: Kind) -> roles.Profile:
    """A resource kind of the driver tables."""
    return roles.Profile(
        name=kind.id,
        title=kind.title,
        type=kind.type,
        pooled=kind.pooled,
        lazy=kind.lazy,
        close=kind.close,
        leaving=kind.with_,
        twice=kind.release_twice,
        late=kind.use_after_release,
        begin=kind.autobegin,
        aborts=kind.aborts and kind.autobegin is Begin.ANY,
        exhausted=kind.exhausted,
        given_back_by=tuple(_POOL_METHOD.findall(kind.release)),
        closed_by=tuple(_OWN_METHOD.findall(kind.release)),
        failed_commit=kind.failed_commit,
        has_server=bool(kind.rollback_error) and not kind.notices_loss,
    )


def types_of(catalog: Catalog, names: Iterable[str], made: Types | None = None) -> Types:
    """These classes of the driver tables, and those that their methods derive; `made` are those that are known."""
    made = {} if made is None else made
    found: Types = {}
    waiting = [n for n in names if n]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        if name not in made:
            made[name] = _type_of(catalog, name)
        found[name] = made[name]
        waiting += [each for m in found[name].methods.values() for each in m.derived]
    return found


def _type_of(catalog: Catalog, name: str) -> roles.ObjectType:
    lineage = list(_lineage(catalog, name))
    methods = {m: _method(e) for spec in reversed(lineage) for m, e in spec.methods.items()}
    held = {a: t.while_held for spec in reversed(lineage) for a, t in spec.attributes.items()}
    truths = {m: t for spec in reversed(lineage) for m, t in spec.method_truth.items()}
    return roles.ObjectType(methods, {a: t for a, t in held.items() if t is not None}, truths)


def _lineage(catalog: Catalog, name: str) -> Iterator[TypeSpec]:
    """A class, then its bases."""
    spec = catalog.type(name)
    if spec is None:
        return
    yield spec
    for base in spec.bases:
        yield from _lineage(catalog, base)


def _method(effect: Effect) -> roles.Method:
    return roles.Method(
        executes=effect.executes,
        derives=effect.derives,
        derives_when=tuple(effect.derives_when.items()),
        itself=effect.itself,
        ends=effect.ends,
        closes=effect.closes,
        releases=effect.releases_self,
        awaited=effect.awaited,
        raises=effect.raises,
    )
