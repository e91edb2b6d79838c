"""The names of the tables: those whose calls can acquire, and those of callables that are given functions."""

from __future__ import annotations

from collections.abc import Mapping

from putback.drivers.catalog import Catalog
from putback.drivers.schema import Effect
from putback.frameworks.catalog import FrameworkCatalog


def driver_names(catalog: Catalog) -> frozenset[str]:
    """The last names of the functions, methods and classes whose calls acquire or make something that acquires."""
    found: set[str] = set()
    for driver in catalog.drivers.values():
        for name, effect in driver.functions.items():
            if _matters(effect):
                found.add(name.rpartition(".")[2])
        for spec in driver.types.values():
            found |= {m for m, effect in spec.methods.items() if effect.acquires}
            whole = catalog.type(spec.name) or spec
            if _matters(whole.init) or whole.call is not None or any(e.acquires for e in spec.methods.values()):
                found.add(spec.name.rpartition(".")[2])
        found |= {last for alias in driver.aliases if (last := alias.rpartition(".")[2])[:1].isupper()}
    return frozenset(found)


def _matters(effect: Effect) -> bool:
    return bool(effect.acquires or effect.returns)


Receivers = Mapping[str, frozenset[tuple[int, str]]]
"""The last names of callables that are given functions, each with the positions and keywords that take one."""


def receivers(frameworks: FrameworkCatalog) -> Receivers:
    """The callables of the framework tables that are given functions: `Depends`, `Thread`, `add_job`."""
    found: dict[str, set[tuple[int, str]]] = {}
    for framework in frameworks.frameworks.values():
        for marker in framework.markers:
            for name, place in marker.arguments.items():
                found.setdefault(name.rpartition(".")[2], set()).add(place)
    return {name: frozenset(places) for name, places in found.items()}
