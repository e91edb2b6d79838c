"""A context manager for a pair of functions that take and give back. Rule PB114."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from putback.fixes.code import Code
from putback.fixes.declined import Declined
from putback.fixes.imports import Needed, add_import, spelled_from
from putback.fixes.rows import Rows
from putback.model.fix import Applicability, Fix


@dataclass(frozen=True, slots=True)
class Manager:
    """The manager to be written: its `name`, the two functions that it calls, and the row that it stands behind.

    `release` is the call of the second, with `{conn}` for the connection; `maybe_none`: there may be nothing to give
    back; `is_method`: all three are methods.
    """

    name: str
    release: str
    behind: int
    is_async: bool = False
    maybe_none: bool = False
    is_method: bool = False


def add_manager(code: Code, manager: Manager) -> Fix:
    """The fix that writes `manager` for the wrapper that `code` is. Raises Declined."""
    wrapper = code.function
    assert isinstance(wrapper, cst.FunctionDef)
    given = _given(wrapper, manager.is_method)
    needed = Needed("asynccontextmanager" if manager.is_async else "contextmanager", "contextlib")
    draft, indent, unit = Rows(code.rows), code.indent_of(wrapper), code.unit()
    owner = "self." if manager.is_method else ""
    waits = "await " if code.is_async else ""
    params = ", ".join([*(["self"] if manager.is_method else []), *(_declared(code, p) for p in given)])
    passed = ", ".join(f"{p.name.value}={p.name.value}" for p in given)
    name = next(n for n in ("conn", "connection", "taken") if n not in {p.name.value for p in given})
    release = manager.release.replace("{conn}", name)
    body = [
        f"@{spelled_from(code.rows, needed)}",
        f"{'async ' if manager.is_async else ''}def {manager.name}({params}):",
        f"{unit}{name} = {waits}{owner}{wrapper.name.value}({passed})",
        f"{unit}try:",
        f"{unit * 2}yield {name}",
        f"{unit}finally:",
        *(
            [f"{unit * 2}if {name} is not None:", f"{unit * 3}{release}"]
            if manager.maybe_none
            else [unit * 2 + release]
        ),
    ]
    air = [""] if indent else ["", ""]
    draft.insert(manager.behind + 1, [*air, *(indent + line for line in body)])
    add_import(draft, code.rows, needed)
    return Fix(Applicability.SAFE, f"add the context manager `{manager.name}`", draft.edits())


def _given(wrapper: cst.FunctionDef, is_method: bool) -> list[cst.Param]:
    """The parameters that a caller may fill. Raises Declined where they cannot all be passed on by name."""
    params = wrapper.params
    if not isinstance(params.star_arg, cst.MaybeSentinel) or params.star_kwarg is not None or params.posonly_params:
        raise Declined("the parameters of the wrapper cannot be passed on by name")
    return [*params.params[1 if is_method else 0 :], *params.kwonly_params]


def _declared(code: Code, param: cst.Param) -> str:
    text = code.lowered.tree.code_for_node(param).strip().rstrip(",").strip()
    if "\n" in text or "#" in text:
        raise Declined("the parameters of the wrapper are written over several rows")
    return text
