"""How a file can spell a function of the project that stands beside the wrapper which it calls."""

from __future__ import annotations

import libcst as cst

from putback.fixes.code import Code
from putback.fixes.imports import Needed
from putback.ownership.analysis.pairing import is_attribute_here, is_imported_from, name_here
from putback.ownership.facts.site_facts import SiteFacts
from putback.ownership.resolve.types import FunctionRef

Reached = tuple[str, tuple[Needed, ...]]
"""A name or `base.name`, and the imports that it needs."""


def beside_wrapper(site: SiteFacts, code: Code, acquire: cst.CSTNode, wanted: FunctionRef) -> Reached | None:
    """`release_db_connection` beside the `get_db_connection` that `acquire` calls; None where the way is not clear.

    What a file imports through another may not be there: only the module that defines both is taken for granted.
    """
    analyzer, unit = site.function.analyzer, site.function.unit
    known = name_here(analyzer, unit, wanted)
    if known:
        return known, ()
    last = wanted.key.rpartition(".")[2]
    info = analyzer.info(wanted)
    match acquire:
        case cst.Call(func=cst.Attribute(value=value)) if info is not None:
            base = code.text(value)
            if info.owner or is_attribute_here(analyzer, unit, base, wanted):
                return f"{base}.{last}", ()
        case cst.Call(func=cst.Name(value=name)) if is_imported_from(analyzer, unit, name, wanted):
            return last, (Needed(last, beside=name),)
    return None
