"""Everything that a check may need, imported and read beforehand: for a process that is to answer quickly."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules

from putback.drivers.catalog import load_catalog
from putback.frameworks.catalog import load_frameworks

ROOMS = ("source", "flow", "ownership.analysis", "ownership.facts", "ownership.makers", "fixes", "rules")


def load() -> None:
    """Load it all."""
    import_rooms(ROOMS)
    import_module("putback.pipeline.fix")
    load_catalog()
    load_frameworks()


def import_rooms(rooms: Iterable[str]) -> None:
    """Import every module of some packages."""
    for room in rooms:
        package = import_module(f"putback.{room}")
        for each in iter_modules(package.__path__, f"{package.__name__}."):
            import_module(each.name)
