"""From the paths on the command line to the Python files to look at."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from putback.model.config import Config
from putback.model.errors import UsageError
from putback.model.spelling import relative_to
from putback.source.excludes import Excludes
from putback.source.ignored import files_below

Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Discovered:
    """A file to look at: `path` is absolute, `explicit` tells that it was named on the command line."""

    path: str
    explicit: bool


def discover(paths: Sequence[str], config: Config, warn: Warn | None = None) -> list[Discovered]:
    """The Python files at and below `paths`, each once, in the order of `paths` and then by name.

    Files are taken whatever their ending, excluded or not, unless `config.force_exclude`; directories
    give their `.py`, `.pyi` and `.ipynb` files without what is excluded or ignored by git. Directories that cannot be
    read are told to `warn` (stderr by default). Raises UsageError for a path that does not exist.
    """
    warn = warn or warn_on_stderr
    tops = [(os.path.abspath(path), path) for path in paths]
    for top, given in tops:
        if not os.path.exists(top):
            raise UsageError(f"no such file or directory: {given}")
    excludes = Excludes(config.exclude, config.root or os.getcwd())
    explicit = {top for top, _ in tops if not os.path.isdir(top)}
    found: dict[str, Discovered] = {}
    links: set[str] = set()
    for top, _ in tops:
        if config.force_exclude and excludes.covers(top):
            continue
        if top in explicit:
            found.setdefault(top, Discovered(top, True))
            continue
        below = files_below(top, config.respect_gitignore, excludes.below(top), warn)
        for path, is_link in sorted(below):
            found.setdefault(path, Discovered(path, path in explicit))
            if is_link:
                links.add(path)
    return [each for each in found.values() if each.explicit or not doubled(each.path, links, found)]


def doubled(path: str, links: Container[str], found: Container[str]) -> bool:
    """Whether `path` is a link to a file that was found under its own name as well."""
    return path in links and os.path.realpath(path) in found


def shown(path: str, directory: str = "") -> str:
    """The absolute `path` as findings spell it: relative to `directory` (the working one), with `/`."""
    return relative_to(path, directory)


def warn_on_stderr(message: str) -> None:
    """Say `message` without ending the run."""
    print(f"putback: warning: {message}", file=sys.stderr)
