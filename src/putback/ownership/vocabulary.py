"""The names of the tables: those whose calls can acquire, and those of callables that are given functions."""

from __future__ import annotations

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


def receivers(frameworks: FrameworkCatalog) -> frozenset[str]:
    """The last names of the callables that are given functions: `Depends`, `Thread`, `add_job`."""
    return frozenset(
        name.rpartition(".")[2]
        for framework in frameworks.frameworks.values()
        for marker in framework.markers
        for name in marker.arguments
    )
