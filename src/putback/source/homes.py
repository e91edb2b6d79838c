"""Where a project begins that no mark tells: the folders that its files import from."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator

from putback.source.definitions import imports_in
from putback.source.prefilter import read_bytes

_MOST = 200
"""How many files are asked what they import."""
_ABOVE = 5
"""How many folders above a file are looked into, where the working directory sets no limit."""


def homes(paths: Iterable[str], top: str) -> list[str]:
    """The outermost folders that the files `paths`, or what they import, lie in; none above `top` for what is below."""
    found = {os.path.dirname(path) for path in paths}
    for path in sorted(paths)[:_MOST]:
        try:
            found.update(_imported_from(path, read_bytes(path), top))
        except OSError:
            continue
    return sorted(each for each in found if not any(each != o and _is_below(each, o) for o in found))


def outside_of_packages(folder: str) -> str:
    """The folder, or the nearest above it that is no package: imports of what is in a package start there."""
    while _is_package(folder) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    return folder


def _imported_from(path: str, data: bytes, top: str) -> Iterator[str]:
    """The folders that the imports of a file start from."""
    above = list(_above(path, top))
    for module, name in imports_in(data):
        bare = module.lstrip(".")
        level = len(module) - len(bare)
        parts = (bare or name).split(".")
        inside = name if bare else ""
        if level:
            here = above[level - 1 : level]
            yield from (each for each in here if _is_package(each) or _is_module(each, parts, inside))
        elif parts[0] not in sys.stdlib_module_names:
            yield from next(([each] for each in above if _is_module(each, parts, inside)), ())


def _above(path: str, top: str) -> Iterator[str]:
    """The folder of a file and those above it that may be its project: no root, home or folder for temporary files."""
    import tempfile

    folder = os.path.dirname(path)
    outside = {os.sep, os.path.expanduser("~"), os.path.realpath(tempfile.gettempdir()), tempfile.gettempdir()}
    for _ in range(len(folder) if _is_below(folder, top) else _ABOVE):
        if folder in outside and folder != top:
            return
        yield folder
        if folder in (top, os.path.dirname(folder)):
            return
        folder = os.path.dirname(folder)


def _is_package(folder: str) -> bool:
    return os.path.exists(os.path.join(folder, "__init__.py"))


def _is_module(folder: str, parts: list[str], inside: str = "") -> bool:
    """Whether a folder has a module of this name, or the package that it would be in; none has the name "".

    A folder of that name which is no package has to hold the module that is imported from `inside`: any other folder
    may be called so by chance, and what is above would be taken for the project.
    """
    if not parts[0]:
        return False
    place = os.path.join(folder, *parts)
    if os.path.isfile(f"{place}.py") or _is_package(place):
        return True
    if inside and _is_module(place, [inside]):
        return True
    return len(parts) > 1 and _is_module(folder, parts[:-1])


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
