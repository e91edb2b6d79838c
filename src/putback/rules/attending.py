"""From a neglected session to its remedy: what the application and the session are called in the job's own file."""

from __future__ import annotations

from collections.abc import Iterator

from putback.fixes.attend import Remedy, attend, imported_first
from putback.fixes.declined import Declined
from putback.fixes.imports import Needed
from putback.model.fix import Fix
from putback.ownership.facts.facts import FunctionFacts
from putback.ownership.facts.uses import other_uses
from putback.ownership.index.module import FunctionInfo, ModuleInfo
from putback.ownership.resolve.types import FunctionRef
from putback.ownership.sessions.local_names import LocalNames
from putback.ownership.sessions.registries import Registry
from putback.ownership.sessions.scoped import Neglect
from putback.rules.holdings import code_for
from putback.rules.injecting import module_name


def attended(facts: FunctionFacts, neglect: Neglect) -> Fix:
    """The fix that ends the session where the job or thread ends. Raises Declined."""
    info = facts.unit.info
    module = facts.analyzer.project.module(facts.unit.path)
    if info is None or module is None or info.is_generator:
        raise Declined("it is a generator")
    if len(facts.duties.neglects) > 1:
        raise Declined("it uses several scoped sessions")
    uses = other_uses(facts.analyzer, FunctionRef(facts.unit.path, facts.unit.key))
    use = next((each for each in uses if each.called), None)
    if use is not None:
        raise Declined(f"it is also called directly ({facts.display(use.path)}:{use.row})")
    managed = neglect.registry.is_managed
    if neglect.repeats:
        ends = "the connection has to be closed" if neglect.registry.is_standing else "the session has to be removed"
        needed = "a context has to be entered" if managed else ends
        raise Declined(f"it loops: {needed} in each turn")
    here = LocalNames(facts.analyzer, module, info)
    remedy = _context(neglect, here) if managed else _removal(facts, neglect, here, module, info)
    return attend(code_for(facts), remedy)


def _context(neglect: Neglect, here: LocalNames) -> Remedy:
    """The work in an application context, which removes the session of the thread when it is left."""
    doubts = tuple(_doubts(neglect, here, None))
    local = here.local_application
    if local:
        session = here.of(neglect.registry)
        return Remedy(context=f"{local}.app_context()", bound=local, session=session, doubts=doubts)
    if not here.application:
        raise Declined("there is no application at hand")
    return Remedy(context=f"{here.application}.app_context()", doubts=doubts)


def _removal(
    facts: FunctionFacts, neglect: Neglect, here: LocalNames, module: ModuleInfo, info: FunctionInfo
) -> Remedy:
    """The session removed in a `finally`."""
    registry = neglect.registry
    if registry.is_async and not info.is_async:
        raise Declined("it cannot be awaited here")
    name = here.of(registry)
    if name in info.imports and name not in imported_first(code_for(facts)):
        raise Declined(f"`{name}` is imported in the middle of the function")
    needs = None if name else _import(facts, registry, module)
    doubts = tuple(_doubts(neglect, here, needs))
    return Remedy(registry.removal(name or registry.name), needs=needs, doubts=doubts)


def _import(facts: FunctionFacts, registry: Registry, module: ModuleInfo) -> Needed:
    if registry.is_standing:
        return Needed(registry.name, registry.type.rpartition(".")[0])
    source = module_name(facts.analyzer.project, registry.path, module)
    if not source:
        raise Declined(f"how to import `{registry.name}` is not clear")
    return Needed(registry.name, source)


def _doubts(neglect: Neglect, here: LocalNames, needs: Needed | None) -> Iterator[str]:
    """Why the fix may change more than what becomes of the session."""
    if needs is not None and not neglect.registry.is_standing:
        yield f"it imports `{needs.name}` from {needs.module}"
    own = (here.module.path, here.info.def_row)
    if here.info.decorators and any((start.path, start.row) == own for start in neglect.entry.starts):
        yield "where it is run in place of being queued, its caller has the same session"
    elif here.returns_something:
        yield "what it returns can no longer be loaded through the session"
