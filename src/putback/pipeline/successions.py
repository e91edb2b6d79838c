"""Another library's pool in the place of one: each function that takes its connections, before and after, as a case.

The functions stay as they are. What has to be the same is what they do: which statements they run, what they commit,
what they raise and return, and whether the connection goes back, whichever call fails. Where only one of the libraries
says that a call may fail, it is let fail in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from putback.ownership.analysis.analyzer import Analyzer
from putback.ownership.analysis.unit import Unit
from putback.ownership.index.places import is_test_code
from putback.pipeline.cases import version_of
from putback.verify import roles


def successions(before: Analyzer, after: Analyzer) -> Iterator[tuple[Unit, roles.Version, roles.Version]]:
    """Every function outside of tests that takes another library's connections than it did."""
    for module in before.project.loaded():
        for key in () if is_test_code(module.path) else module.functions:
            was, now = before.unit(module.path, key), after.unit(module.path, key)
            if was is not None and now is not None:
                old, new = version_of(before, was), version_of(after, now)
                if old is not None and new is not None and _takes_others(old.roles, new.roles):
                    yield was, _failing_as(old, new), _failing_as(new, old)


def _takes_others(old: roles.Roles, new: roles.Roles) -> bool:
    return bool(old.acquires) and old.profiles.keys() != new.profiles.keys()


def _failing_as(mine: roles.Version, other: roles.Version) -> roles.Version:
    """A version in which a call may fail where that may be in the other."""
    passes = tuple(
        replace(own, fails=each.fails) if own.fails is roles.Fails.NEVER else own
        for own, each in zip(mine.roles.passes, other.roles.passes, strict=False)
    )
    types = dict(mine.roles.types)
    for name, counterpart in _counterparts(mine.roles, other.roles).items():
        theirs = other.roles.types[counterpart].methods
        methods = {
            key: method._replace(raises=method.raises or (key in theirs and theirs[key].raises))
            for key, method in types[name].methods.items()
        }
        types[name] = replace(types[name], methods=methods)
    quiet = mine.roles.quiet & other.roles.quiet
    passes += mine.roles.passes[len(passes) :]
    return mine._replace(roles=replace(mine.roles, quiet=quiet, passes=passes, types=types))


def _counterparts(mine: roles.Roles, other: roles.Roles) -> Mapping[str, str]:
    """For each class of one library that of the other: of connections, and of what belongs to them."""
    pairs = zip(mine.profiles.values(), other.profiles.values(), strict=False)
    todo = [(own.type, each.type) for own, each in pairs]
    found: dict[str, str] = {}
    while todo:
        name, counterpart = todo.pop()
        if name in found or name not in mine.types or counterpart not in other.types:
            continue
        found[name] = counterpart
        theirs = other.types[counterpart].methods
        todo += [(m.derives, theirs[key].derives) for key, m in mine.types[name].methods.items() if key in theirs]
    return found
