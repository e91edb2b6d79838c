"""What a file says, part by part, wherever it stands: by the keys that somebody asks for it by."""

from __future__ import annotations

from msgspec.structs import replace

from putback.flow.names import Invoke, Member, last_name
from putback.ownership.index.module import ModuleInfo

_Parts = dict[str, list[object]]


def different_parts(before: ModuleInfo, after: ModuleInfo) -> set[str | None]:
    """The keys of the functions and classes, and the names, under which two versions of a file say something else.

    None among them: any question may have another answer.
    """
    old, new = _parts_of(before), _parts_of(after)
    found: set[str | None] = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
    whole = (before.star_imports, before.incomplete) == (after.star_imports, after.incomplete)
    return found if whole else {*found, None}


def contents_of(name: str) -> str:
    """The key for all that is done in a file to what is in lists and dictionaries of this last name."""
    return f"[{name}]"


def _parts_of(module: ModuleInfo) -> _Parts:
    found: _Parts = {}
    for key, function in module.functions.items():
        found.setdefault(key, []).append(replace(function, row=0, end_row=0, def_row=0, column=0))
    for key, cls in module.classes.items():
        found.setdefault(key, []).append(replace(cls, row=0, end_row=0, column=0))
    for table in (module.imports, module.fallbacks, module.globals):
        for name, meant in table.items():
            found.setdefault(name, []).append(meant)
    for scope, call in module.calls:
        found.setdefault(scope, []).append(call)
        if isinstance(call, Invoke) and isinstance(call.func, Member):
            found.setdefault(contents_of(last_name(call.func.base)), []).append((scope, call))
    for scope, name, base, value in module.stores:
        found.setdefault(scope, []).append((name, base, value))
        found.setdefault(contents_of(last_name(base)), []).append((scope, name, base, value))
    for reference in module.references:
        found.setdefault(reference.scope, []).append(replace(reference, row=0))
    return found
