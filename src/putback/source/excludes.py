"""The `exclude` patterns: gitignore patterns relative to the directory of the configuration."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

SPECIAL = frozenset("*?[]!#\\/")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line: a pattern with a slash inside is `anchored` to the root, others match a name anywhere."""

    text: str
    anchored: bool
    spec: GitIgnoreSpec


class Excludes:
    """Decides what a walk leaves out.

    Plain names ("build") are the usual case and cost a set look-up; pathspec is loaded for the rest only.
    The last pattern that matches decides, so `!build` takes a default back.
    """

    def __init__(self, patterns: Sequence[str], root: str) -> None:
        self.root = root
        plain = all(SPECIAL.isdisjoint(each) for each in patterns)
        self.names = frozenset(patterns) if plain else frozenset()
        self.patterns = () if plain else tuple(to_pattern(each) for each in patterns)

    def below(self, top: str) -> Walk:
        """The decisions for a walk from `top`, which was asked for and so is never left out itself."""
        return Walk(self, top)

    def covers(self, path: str) -> bool:
        """Whether `path` or a directory above it, up to the root, is excluded: for forced excludes."""
        inside = os.path.relpath(path, self.root)
        start = os.path.dirname(path) if inside.startswith("..") else self.root
        return self.below(start).leaves_out(path, os.path.isdir(path))


class Walk:
    """The decisions of `Excludes` below one directory, remembered by directory."""

    def __init__(self, excludes: Excludes, top: str) -> None:
        self.top = top
        self.root = excludes.root if is_below(top, excludes.root) else top
        self.names = excludes.names
        anchor = relative(top, self.root)
        self.patterns = [each for each in excludes.patterns if not (each.anchored and matches(each, anchor + "/"))]
        self.directories: dict[str, bool] = {top: False}

    def leaves_out(self, path: str, is_directory: bool) -> bool:
        """Whether `path`, or a directory between the top and it, is excluded."""
        if path in self.directories:
            return self.directories[path]
        if not is_below(path, self.top):
            return False
        above = path.rpartition("/")[0] or "/"
        known = self.directories.get(above)
        out = (self.leaves_out(above, True) if known is None else known) or self.matched(path, is_directory)
        if is_directory:
            self.directories[path] = out
        return out

    def matched(self, path: str, is_directory: bool) -> bool:
        """Whether the last pattern that says something about `path` itself excludes it."""
        if not self.patterns:
            return path.rpartition("/")[2] in self.names
        slash = "/" if is_directory else ""
        for pattern in reversed(self.patterns):
            name = relative(path, self.root) if pattern.anchored else os.path.basename(path)
            verdict = pattern.spec.check_file(name + slash).include
            if verdict is not None:
                return verdict
        return False


def to_pattern(text: str) -> Pattern:
    """Compile one gitignore line; a blank line or comment matches nothing. Raises ConfigError."""
    from putback.source.patterns import configured

    return Pattern(text, "/" in text.strip().rstrip("/"), configured("exclude", text))


def matches(pattern: Pattern, path: str) -> bool:
    """Whether `pattern` excludes or takes back `path`."""
    return pattern.spec.check_file(path).include is not None


def is_below(path: str, directory: str) -> bool:
    """Whether the absolute `path` is `directory` or lies in it, by spelling alone."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def relative(path: str, directory: str) -> str:
    """`path` as seen from `directory`, which contains it, with `/`; "." for the directory itself."""
    return path[len(directory) :].strip("/") or "."
