"""gitignore patterns as pathspec reads them, made so that a long name takes no longer than it is long.

As a regular expression, `*a*a*a*b` tries every way to share a name out among its stars. It is enough to take each part
where it comes first: what follows a star that is not the last of its kind is matched once and for all.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from putback.model.errors import ConfigError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec
    from pathspec.pattern import Pattern

_STAR = "[^/]*"
_FOLDERS = "(?:/.+)?"
_LEADING = "^(?:.+/)?"
_SEVERAL = re.compile(r"(?:\[\^/\]\*)+")
_ONE_CHARACTER = re.compile(r"(?:\[\^/\]|\\.|\[[^\]/\\]+\]|[^][()\\/|?*+{}^$.])+")
"""Literal characters, `?` and sets without anything unusual in them."""


def spec_of(lines: Iterable[str]) -> GitIgnoreSpec:
    """Compile gitignore lines. Raises ValueError with the reason for a line that means nothing."""
    from pathspec import GitIgnoreSpec

    patterns: list[Any] = [pattern for line in lines for pattern in _patterns(line)]
    return GitIgnoreSpec(patterns)


def configured(key: str, line: str) -> GitIgnoreSpec:
    """The pattern `line` that the configuration has under `key`. Raises ConfigError."""
    try:
        return spec_of([line])
    except ValueError as error:
        raise ConfigError(f'`{key}` has a pattern that cannot be read: "{line}": {error}') from error


def readable(lines: Iterable[str]) -> list[str]:
    """Those of `lines` that mean something: git passes the others over."""
    found = []
    for line in lines:
        try:
            _patterns(line)
        except ValueError:
            continue
        found.append(line)
    return found


def _patterns(line: str) -> list[Pattern]:
    """The pattern of one line, none for a blank one or a comment."""
    from pathspec import GitIgnoreSpec
    from pathspec.pattern import RegexPattern

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `[[:alpha:]]` may mean something else to Python one day
        try:
            found = GitIgnoreSpec.from_lines([line]).patterns
            return [
                RegexPattern(re.compile(bounded(each.regex.pattern)), each.include)
                for each in found
                if isinstance(each, RegexPattern) and each.regex is not None
            ]
        except re.error as error:
            raise ValueError(str(error)) from None


def bounded(regex: str) -> str:
    """The regular expression of a gitignore line, with no star that is tried again after what follows has matched."""
    regex = _SEVERAL.sub(lambda found: _STAR, regex)
    return _folders_once("/".join(map(_stars_once, _segments(regex))))


def _segments(regex: str) -> list[str]:
    """A regular expression cut at each slash that stands by itself."""
    return re.split(r"(?<!\^)(?<!\(\?:)(?<!\+)(?<!>)/(?!\))", regex)


def _stars_once(segment: str) -> str:
    first, *parts = segment.split(_STAR)
    found = first
    for number, part in enumerate(parts, 1):
        is_last = number == len(parts)
        found += f"{_STAR}{part}" if is_last or not _ONE_CHARACTER.fullmatch(part) else f"(?>[^/]*?{part})"
    return found


def _folders_once(regex: str) -> str:
    """The same for `**`, which takes whole folders."""
    first, *parts = regex.split(_FOLDERS)
    if parts and first.startswith(_LEADING):
        first = f"^(?>(?:.+?/)??{first.removeprefix(_LEADING)}(?=/))"
    found = first
    for number, part in enumerate(parts, 1):
        found += f"{_FOLDERS}{part}" if number == len(parts) else f"(?>(?:/.+?)??{part}(?=/))"
    return found
