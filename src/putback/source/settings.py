"""Find and read the configuration: one table, checked against one list of keys."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any

from putback.model.config import Config, FixStyle
from putback.model.defaults import CONFIG_FILES, PROJECT_FILE
from putback.model.errors import ConfigError, UsageError
from putback.model.finding import Confidence, Severity
from putback.model.version import VERSION as version
from putback.source import prefilter
from putback.source.selection import did_you_mean
from putback.source.wrappers import DRIVER, as_driver

Table = Mapping[str, Any]
SWITCHES = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the table: `read(value)` gives the value for Config or None when `value` is not `expected`."""

    expected: str
    read: Callable[[Any], Any]


def strings(value: Any) -> tuple[str, ...] | None:
    """A list of strings."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    return None


def text(value: Any) -> str | None:
    """A string."""
    return value if isinstance(value, str) else None


def boolean(value: Any) -> bool | None:
    """true or false."""
    return value if isinstance(value, bool) else None


def count(value: Any) -> int | None:
    """A number, zero or more."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def table(value: Any) -> dict[str, Any] | None:
    """A table, its content checked elsewhere."""
    return value if isinstance(value, dict) else None


def tables(value: Any) -> dict[str, dict[str, Any]] | None:
    """A table of tables."""
    return table_of(table)(value)


def table_of(read: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any] | None]:
    """A table whose values all suit `read`."""

    def read_table(value: Any) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            return None
        done = {key: read(each) for key, each in value.items()}
        return None if None in done.values() else done

    return read_table


def wrappers(value: Any) -> dict[str, tuple[str, ...]] | None:
    """Names of functions: those that take a connection and those that give it back."""
    found: dict[str, tuple[str, ...]] | None = table_of(strings)(value)
    return found if found is not None and found.keys() <= {"acquire", "release"} else None


def one_of(kind: type[Enum]) -> Callable[[Any], Enum | None]:
    """The value of a member of `kind`."""
    return lambda value: next((member for member in kind if member.value == value), None)


def choices(kind: type[Enum]) -> str:
    """The members of `kind` for a message."""
    return " or ".join(f'"{member.value}"' for member in kind)


DEPLOYMENT = ("workers", "replicas", "max-connections", "reserved")


def deployment(value: Any) -> dict[str, int] | None:
    """Some of the numbers of a deployment."""
    return value if table_of(count)(value) is not None and set(value) <= set(DEPLOYMENT) else None


KEYS: Mapping[str, Key] = {
    "extend": Key("the path of a file", text),
    "required-version": Key('a string such as ">=0.1,<1"', text),
    "select": Key("a list of strings", strings),
    "extend-select": Key("a list of strings", strings),
    "ignore": Key("a list of strings", strings),
    "extend-ignore": Key("a list of strings", strings),
    "exclude": Key("a list of strings", strings),
    "extend-exclude": Key("a list of strings", strings),
    "per-file-ignores": Key("a table of lists of strings", table_of(strings)),
    "severity": Key(f"a table of {choices(Severity)}", table_of(one_of(Severity))),
    "min-confidence": Key(choices(Confidence), one_of(Confidence)),
    "min-severity": Key(choices(Severity), one_of(Severity)),
    "fail-on": Key(choices(Severity), one_of(Severity)),
    "show-info": Key("true or false", boolean),
    "respect-gitignore": Key("true or false", boolean),
    "force-exclude": Key("true or false", boolean),
    "drivers": Key("a table of tables", tables),
    "wrappers": Key("a table with the lists of strings acquire and release", wrappers),
    "fixable": Key("a list of strings", strings),
    "unfixable": Key("a list of strings", strings),
    "extend-safe-fixes": Key("a list of strings", strings),
    "extend-unsafe-fixes": Key("a list of strings", strings),
    "unsafe-fixes": Key("true or false", boolean),
    "fix-style": Key(choices(FixStyle), one_of(FixStyle)),
    "baseline": Key("a string", text),
    "deployment": Key(f"a table of numbers: {', '.join(DEPLOYMENT)}", deployment),
    "jobs": Key("a number, 0 for one per processor", count),
}


def load(paths: Sequence[str], given: Sequence[str] = (), isolated: bool = False) -> Config:
    """The settings for a run over `paths`.

    `given` are the values of `--config`: a file that replaces the search, or KEY=VALUE on top. With
    `isolated` no file is read. Raises ConfigError, UsageError when a given file does not exist.
    """
    named = [each for each in given if not is_assignment(each)]
    if len(named) > 1:
        raise UsageError(f"only one configuration file can be given, not {len(named)}: {', '.join(named)}")
    if named and isolated:
        raise UsageError("--isolated reads no configuration file, --config names one: use one of them")
    config = Config(root=os.getcwd())
    if named:
        config = from_file(os.path.abspath(named[0]))
    elif not isolated:
        config = nearest(common_directory(paths)) or config
    config = merged(config, from_environment())
    for each in given:
        if is_assignment(each):
            config = merged(config, read_table(parse_assignment(each), "--config", ""))
    return config


def from_environment() -> Table:
    """The settings in environment variables: PUTBACK_MIN_SEVERITY, with lists as words between commas."""
    found: dict[str, Any] = {}
    for name in KEYS:
        variable = f"PUTBACK_{name.upper().replace('-', '_')}"
        value = os.environ.get(variable)
        if value is not None:
            found[name] = from_word(name, value)
            if found[name] is None:
                raise ConfigError(f'{variable} must be {KEYS[name].expected}, not "{value}"')
    return found


def from_word(name: str, value: str) -> Any:
    """A setting from an environment variable; None when it does not suit."""
    lower = value.strip().lower()
    meanings: list[Any] = [value, [each.strip() for each in value.split(",") if each.strip()]]
    if lower in SWITCHES:
        meanings.append(SWITCHES[lower])
    if lower.isdigit():
        meanings.append(int(lower))
    return next((found for each in meanings if (found := KEYS[name].read(each)) is not None), None)


def common_directory(paths: Sequence[str]) -> str:
    """The innermost directory that holds all of `paths`."""
    if not paths:
        return os.getcwd()
    whole = [os.path.abspath(path) for path in paths]
    return os.path.commonpath([path if os.path.isdir(path) else os.path.dirname(path) for path in whole])


def nearest(directory: str) -> Config | None:
    """The settings of the nearest directory, from `directory` upwards, that has any."""
    while True:
        for path in candidates(directory):
            found = read_file(path)
            if found is not None:
                return found
        above = os.path.dirname(directory)
        if above == directory:
            return None
        directory = above


def candidates(directory: str) -> list[str]:
    """The files of a directory that may have settings, the one that counts first."""
    paths = {name: os.path.join(directory, name) for name in (*CONFIG_FILES, PROJECT_FILE)}
    return [p for name, p in paths.items() if os.path.isfile(p) and (name != PROJECT_FILE or mentions_putback(p))]


def passed_over(files: Iterable[str], paths: Sequence[str]) -> list[str]:
    """The configuration files between `files` and the directory of all `paths`, whose settings are not read: a run has
    those of one file."""
    top = os.path.join(common_directory(paths), "")
    found: set[str] = set()
    for directory in {os.path.dirname(file) for file in files}:
        while directory.startswith(top):
            found.update(path for path in candidates(directory) if _has_settings(path))
            directory = os.path.dirname(directory)
    return sorted(found)


def _has_settings(path: str) -> bool:
    try:
        return read_file(path) is not None
    except ConfigError:
        return True


def mentions_putback(path: str) -> bool:
    """Whether the file can hold our table at all: other people's broken files are not our business."""
    return b"putback" in read_bytes(path)


def from_file(path: str) -> Config:
    """The settings in a file that was asked for by name."""
    if not os.path.isfile(path):
        raise UsageError(f"no such configuration file: {path}")
    found = read_file(path)
    if found is None:
        raise ConfigError(f"{path}: has no table [tool.putback]")
    return found


def read_file(path: str, seen: tuple[str, ...] = ()) -> Config | None:
    """The settings in the file at `path`; None for a pyproject.toml without our table.

    `seen` are the files that have led here by `extend`.
    """
    import tomllib

    data = read_bytes(path)
    try:
        content: Any = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        row = re.search(r"at line (\d+)", str(error))
        raise ConfigError(f"{path}{':' + row[1] if row else ''}: is not valid TOML: {error}") from error
    where = path
    if os.path.basename(path) == PROJECT_FILE:
        tool = content.get("tool")
        content = tool.get("putback") if isinstance(tool, dict) else None
        if content is None:
            return None
        where = f"{path}: [tool.putback]"
    if not isinstance(content, dict):
        raise ConfigError(f"{where}: must be a table")
    values = read_table(content, where, data.decode("utf-8"))
    base = extended(path, where, values.get("extend"), seen)
    if "required-version" in values and not suits(values["required-version"], version):
        wanted = values["required-version"]
        raise ConfigError(
            f"{where}: needs putback {wanted}, and this is {version}: install another, or change the file"
        )
    return merged(replace(base, root=os.path.dirname(path), file=path), values)


def extended(path: str, where: str, name: str | None, seen: tuple[str, ...]) -> Config:
    """The settings that the file at `path` extends; those of nothing without a name."""
    if name is None:
        return Config()
    other = os.path.normpath(os.path.join(os.path.dirname(path), os.path.expanduser(name)))
    if other in (*seen, path):
        raise ConfigError(f"{where}: `extend` leads in a circle: {' -> '.join((*seen, path, other))}")
    if not os.path.isfile(other):
        raise ConfigError(f"{where}: `extend` names a file that is not there: {other}")
    found = read_file(other, (*seen, path))
    if found is None:
        raise ConfigError(f"{where}: `extend` names a file without a table [tool.putback]: {other}")
    return replace(found, extended=(*found.extended, other))


def suits(wanted: str, own: str) -> bool:
    """Whether the version `own` is among those that `wanted` allows: `>=0.1, <1`. Raises ConfigError."""
    here = numbers(own)
    for part in wanted.split(","):
        found = re.fullmatch(r"\s*(==|!=|>=|<=|~=|>|<|)\s*(\d+(?:\.\d+)*)\s*", part)
        if found is None:
            raise ConfigError(f'"required-version" must be like ">=0.1,<1", not "{wanted}"')
        sign, other = found[1] or "==", numbers(found[2])
        size = found[2].count(".")
        compatible = here >= other and here[:size] == other[:size]
        allowed = {
            "==": here == other,
            "!=": here != other,
            ">=": here >= other,
            "<=": here <= other,
            ">": here > other,
            "<": here < other,
            "~=": compatible,
        }
        if not allowed[sign]:
            return False
    return True


def numbers(text: str) -> tuple[int, ...]:
    """A version for comparison: its first four numbers; what marks it as not final does not count."""
    found = [int(each) for each in re.findall(r"\d+", re.split(r"[a-z+]", text)[0])]
    return tuple([*found, 0, 0, 0, 0][:4])


def read_bytes(path: str) -> bytes:
    """The content of a configuration file; raises ConfigError when it cannot be read."""
    try:
        return prefilter.read_bytes(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error


def read_table(content: Table, where: str, text: str) -> Table:
    """`content` with every value checked and converted; `text` is the file, to find the row of a mistake."""
    done = {}
    for name, value in content.items():
        key = KEYS.get(name)
        if key is None:
            raise ConfigError(f'{where}{row_of(name, text)}: unknown key "{name}"{did_you_mean(name, KEYS)}')
        done[name] = key.read(value)
        if done[name] is None:
            raise ConfigError(f'{where}{row_of(name, text)}: "{name}" must be {key.expected}, not {value!r}')
    return done


def row_of(name: str, text: str) -> str:
    """The text " (line 12)" for the row of `text` that sets the key `name`; "" when it cannot be told."""
    setting = re.compile(rf"[\s\"'\[]*(tool\.putback\.)?{re.escape(name)}\b")
    rows = [at for at, row in enumerate(text.splitlines(), 1) if setting.match(row)]
    return f" (line {rows[0]})" if len(rows) == 1 else ""


def merged(config: Config, values: Table) -> Config:
    """`config` with the checked `values` of a table laid over it; the `extend-` keys add."""
    before = config
    known = {field.name for field in fields(Config)}
    plain = {name.replace("-", "_"): value for name, value in values.items()}
    config = replace(config, **{name: value for name, value in plain.items() if name in known})
    if "wrappers" in plain:
        table = as_driver(plain["wrappers"].get("acquire", ()), plain["wrappers"].get("release", ()))
        config = replace(config, drivers={**config.drivers, DRIVER: table} if table else config.drivers)
    return replace(
        config,
        extend_select=(*before.extend_select, *plain.get("extend_select", ())),
        ignore=(*config.ignore, *plain.get("extend_ignore", ())),
        exclude=(*config.exclude, *plain.get("extend_exclude", ())),
    )


def is_assignment(given: str) -> bool:
    """Whether a value of `--config` is KEY=VALUE and not the name of a file."""
    return "=" in given and not os.path.isfile(given)


def parse_assignment(given: str) -> Table:
    """The table that KEY=VALUE means; a value that is not TOML is taken as a string."""
    import tomllib

    name, _, value = given.partition("=")
    try:
        return tomllib.loads(given)
    except tomllib.TOMLDecodeError:
        pass
    try:
        return tomllib.loads(f"{name}={quoted(value.strip())}")
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"--config {given}: is not KEY=VALUE in TOML: {error}") from error


def quoted(text: str) -> str:
    """`text` as a TOML string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
