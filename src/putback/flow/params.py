"""The parameters of functions, as the lowering keeps them."""

from __future__ import annotations

import libcst as cst

from putback.flow import ir


def parameters(params: cst.Parameters) -> tuple[ir.Param, ...]:
    """The parameters of a function or lambda."""
    found = [ir.Param(p.name.value) for p in (*params.posonly_params, *params.params)]
    if isinstance(params.star_arg, cst.Param):
        found.append(ir.Param(params.star_arg.name.value, "*"))
    found += [ir.Param(p.name.value, "kw") for p in params.kwonly_params]
    if params.star_kwarg is not None:
        found.append(ir.Param(params.star_kwarg.name.value, "**"))
    return tuple(found)
