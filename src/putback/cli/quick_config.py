"""The configuration, as far as a quick answer needs it: that it is in order, and what it excludes.

What it may hold is a part of `source/settings.py`; whatever else there is, the whole program reads. TOML is parsed once
for each version of a file, and what came out is kept in the cache: the parser takes longer to load than all of this.
"""

from __future__ import annotations

import os

from putback.model.defaults import CONFIG_FILES, DEFAULT_EXCLUDE, PROJECT_FILE
from putback.source import cache
from putback.source.prefilter import read_bytes

TYPE_CHECKING = False  # importing typing takes longer than all of this
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

SEVERITIES = ("error", "warning", "info")
SELECTORS = (
    *("select", "extend-select", "ignore", "extend-ignore", "fixable", "unfixable"),
    *("extend-safe-fixes", "extend-unsafe-fixes"),
)
DEPLOYMENT = {"workers", "replicas", "max-connections", "reserved"}
PATTERNS = ("exclude", "extend-exclude")
FLAGS = ("respect-gitignore", "force-exclude", "unsafe-fixes", "show-info")
CHOICES = {
    "min-confidence": ("high", "medium", "low"),
    "min-severity": SEVERITIES,
    "fail-on": SEVERITIES,
    "fix-style": ("try-finally", "with", "explicit"),
}
RULES = os.path.join(os.path.dirname(os.path.dirname(__file__)), "rules")


class Unusual(Exception):
    """The configuration is for the whole program; never leaves the quick path."""


class Plain:
    """A configuration that is in order: its directory, and what it excludes."""

    def __init__(self, root: str, exclude: Sequence[str]) -> None:
        self.root = root
        self.exclude = exclude

    def may_exclude(self, path: str) -> bool:
        """Whether a pattern can mean the absolute `path`: every literal part of it is in the path."""
        inside = os.path.relpath(path, self.root)
        return any(all(part in inside for part in literals(pattern)) for pattern in self.exclude)


def literals(pattern: str) -> list[str]:
    """The parts of a gitignore pattern between its wildcards."""
    return [part.strip("/") for part in pattern.replace("?", "*").split("*") if part.strip("/")]


def configuration(directory: str, keep: bool) -> Plain | None:
    """The configuration for files below `directory`; None when there is none. Raises Unusual and OSError.

    With `keep` the cache is used.
    """
    while True:
        names = frozenset(os.listdir(directory))
        for name in (*CONFIG_FILES, PROJECT_FILE):
            if name in names and (found := read(os.path.join(directory, name), keep)) is not None:
                return found
        above = os.path.dirname(directory)
        if above == directory:
            return None
        directory = above


def read(path: str, keep: bool) -> Plain | None:
    """The configuration in a file; None for a pyproject.toml without our table."""
    data = read_bytes(path)
    if path.endswith(PROJECT_FILE) and not may_configure(data):
        return None
    folder = cache.folder(os.path.dirname(path)) if keep else ""
    name = cache.name_of("config", [path.encode("utf-8", "surrogatepass"), data])
    known = cache.read(folder, name) if folder else None
    if known is None:
        known = compiled(path, data)
        if folder:
            cache.write(folder, name, known)
    state, *exclude = known.decode("utf-8").split("\n")
    if state == "absent":
        return None
    return Plain(os.path.dirname(path), exclude)


def may_configure(data: bytes) -> bool:
    """Whether a pyproject.toml can hold our table: most that name putback only list it among what they depend on."""
    rows = (row.strip() for row in data.split(b"\n") if b"putback" in row)
    return any(b"{" in row or row.startswith(b"[") or b"putback" in row.partition(b"=")[0] for row in rows)


def compiled(path: str, data: bytes) -> bytes:
    """What the TOML in `data` comes to: `absent`, or `present` and what is excluded, a pattern in each row."""
    import tomllib

    try:
        table: Any = tomllib.loads(data.decode("utf-8"))
    except ValueError as error:
        raise Unusual from error
    if path.endswith(PROJECT_FILE):
        tool = table.get("tool")
        table = tool.get("putback") if isinstance(tool, dict) else None
        if table is None:
            return b"absent"
    if not isinstance(table, dict) or not all(is_in_order(key, value) for key, value in table.items()):
        raise Unusual
    patterns = [*table.get("exclude", DEFAULT_EXCLUDE), *table.get("extend-exclude", ())]
    return "\n".join(["present", *patterns]).encode("utf-8")


def is_in_order(key: str, value: Any) -> bool:
    """Whether the whole program would take this setting, and it does not change what "nothing was found" means."""
    if key in SELECTORS:
        return is_list(value) and (key != "select" or bool(value)) and are_rules(value)
    if key in PATTERNS:
        return is_list(value) and all(is_plain(each) for each in value)
    if key == "per-file-ignores":
        return isinstance(value, dict) and all(is_plain(p) and is_list(r) and are_rules(r) for p, r in value.items())
    if key == "severity":
        return isinstance(value, dict) and are_rules(value) and all(each in SEVERITIES for each in value.values())
    if key in FLAGS:
        return isinstance(value, bool)
    if key == "baseline":
        return isinstance(value, str)
    if key == "required-version":
        return isinstance(value, str) and is_for_this(value)
    if key == "deployment":
        return isinstance(value, dict) and set(value) <= DEPLOYMENT and all(map(is_count, value.values()))
    if key == "jobs":
        return is_count(value)
    return value in CHOICES.get(key, ())


def is_count(value: Any) -> bool:
    """Whether a value is a number, zero or more."""
    return type(value) is int and value >= 0


def is_for_this(versions: str) -> bool:
    """Whether a configuration for these versions is for this one. Asked once for each version of the file."""
    from putback.model.errors import ConfigError
    from putback.model.version import VERSION
    from putback.source.settings import suits

    try:
        return suits(versions, VERSION)
    except ConfigError:
        return False


def is_list(value: Any) -> bool:
    """Whether a value is a list of strings."""
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def is_plain(pattern: str) -> bool:
    """Whether a pattern holds nothing that could be wrong in it or take something back."""
    return pattern.strip("*/ ") != "" and not any(each in pattern for each in "[]\\!#\n") and "***" not in pattern


def are_rules(selectors: Iterable[str]) -> bool:
    """Whether each selector names a rule: rules lie in files of their own, named by code and name."""
    known = [name[:-3].partition("_") for name in os.listdir(RULES) if name.startswith("pb")]
    codes, names = {code.upper() for code, _, _ in known}, {name.replace("_", "-") for _, _, name in known}

    def is_rule(word: str) -> bool:
        begun = word.startswith(("PB", "pb")) and any(code.startswith(word.upper()) for code in codes)
        return word == "ALL" or word in names or begun

    return all(is_rule(each.strip()) for each in selectors)
