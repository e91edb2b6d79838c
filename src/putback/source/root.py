"""The directory from which programs know the files of a project, wherever a command is started."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

REPOSITORIES = (".git", ".hg", ".jj")
PACKAGING = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "Pipfile", "manage.py")


def project_root(paths: Sequence[str], config_file: str) -> str:
    """The repository that `paths`, absolute and as the user named them, lie in; else where its configuration or its
    packaging is.

    Where nothing marks a project it is the working directory, or what all paths share when they lie outside of it.
    """
    here = os.getcwd()
    shared = os.path.commonpath(paths) if paths else here
    folder = shared if os.path.isdir(shared) else os.path.dirname(shared)
    if (found := _nearest(folder, REPOSITORIES)) is not None:
        return found
    if config_file and _is_below(folder, os.path.dirname(config_file)):
        return os.path.dirname(config_file)
    if (found := _nearest(folder, PACKAGING)) is not None:
        return found
    return here if _is_below(folder, here) else folder


def _nearest(folder: str, names: Sequence[str]) -> str | None:
    """The folder, or the nearest above it, that holds one of `names`."""
    return next((f for f in _upwards(folder) if any(os.path.exists(os.path.join(f, name)) for name in names)), None)


def _upwards(folder: str) -> Iterator[str]:
    yield folder
    while (above := os.path.dirname(folder)) != folder:
        folder = above
        yield folder


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
