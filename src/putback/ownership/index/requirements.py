"""Which version of a package a project runs on: from its lock and requirement files, the nearest first.

Only what settles the version counts: a lock file, `==`, `~=` with three numbers, and `^0.110` as Poetry reads it.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from putback.model.defaults import LOCK_FILES, PROJECT_FILE, REQUIREMENTS

Version = tuple[int, int]
"""The first two numbers of a version."""

_Reader = Callable[[str, str, re.Pattern[str]], Version | None]

_DEEPEST = 12
_LARGEST = 8 << 20  # bytes
_NAME = re.compile(r"\s*[\"']?(?P<name>[A-Za-z0-9._-]+)\s*(\[[^\]]*\])?\s*\(?(?P<rest>[^;#\"']*)")
_SETTLED = re.compile(r"(?:===?\s*(\d+)\.(\d+)|~=\s*(\d+)\.(\d+)\.\d+|\^\s*(0)\.(\d+)|~\s*(\d+)\.(\d+))")
_LEAST = re.compile(_SETTLED.pattern + r"|(?:>=|~=|\^)\s*(\d+)(?:\.(\d+))?")
_LOCKED = re.compile(r'^name = "([^"]+)"', re.MULTILINE)
_ROOTS = (".git", ".hg")


def version_of(path: str, package: str) -> Version | None:
    """The version of `package` that the file `path` runs on; None where nothing settles it."""
    return _around(path, package, _SETTLED)


def least_version_of(path: str, package: str) -> Version | None:
    """The oldest version of `package` that the file `path` may run on; None where nothing says which that is."""
    return _around(path, package, _LEAST)


def _around(path: str, package: str, wanted: re.Pattern[str]) -> Version | None:
    folder = os.path.dirname(os.path.abspath(path))
    for _ in range(_DEEPEST):
        found = _in_folder(folder, _plain(package), wanted)
        if found is not None:
            return found
        parent = os.path.dirname(folder)
        if parent == folder or any(os.path.exists(os.path.join(folder, root)) for root in _ROOTS):
            return None
        folder = parent
    return None


def requirements_in(folder: str) -> Iterator[str]:
    """What each file of a folder says that names packages: its text, of a lock file the packages that it locks.

    A lock file also lists what a package could be installed with, `postgresql = ["psycopg2"]`, and is not.
    """
    for read, name in _files(folder):
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.path.getsize(path) <= _LARGEST:
            yield "\n".join(_LOCKED.findall(_text(path))) if read is _locked else _text(path)


def requirements_around(paths: Iterable[str]) -> Iterator[str]:
    """All that the packages of some files can be told by: what the files say that name packages, in folders around."""
    folders: set[str] = set()
    for here in {os.path.dirname(os.path.abspath(path)) for path in paths}:
        for _ in range(_DEEPEST):
            if here in folders:
                break
            folders.add(here)
            here = os.path.dirname(here)
    for folder in sorted(folders):
        yield from (os.path.join(folder, root) for root in _ROOTS if os.path.exists(os.path.join(folder, root)))
        for _, name in _files(folder):
            yield os.path.join(folder, name)
            yield _text(os.path.join(folder, name))


def _in_folder(folder: str, package: str, wanted: re.Pattern[str]) -> Version | None:
    for read, name in _files(folder):
        path = os.path.join(folder, name)
        try:
            status = os.stat(path)
        except OSError:
            continue
        found = _in_file(read, path, package, wanted, status.st_mtime_ns, status.st_size)
        if found is not None:
            return found
    return None


@lru_cache(maxsize=2048)
def _in_file(
    read: _Reader, path: str, package: str, wanted: re.Pattern[str], changed: int, size: int
) -> Version | None:
    """What a file says, read again when it was `changed` (in nanoseconds): a language server outlives its project."""
    text = _text(path) if size <= _LARGEST else ""
    try:
        return read(text, package, wanted) if text else None
    except (ValueError, TypeError, AttributeError):
        return None  # a file that is not what its name says


def _files(folder: str) -> Iterator[tuple[_Reader, str]]:
    """The files of a folder that name versions, those that settle them first."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    first, last = REQUIREMENTS
    yield from ((_pipenv if name == "Pipfile.lock" else _locked, name) for name in LOCK_FILES if name in names)
    yield from ((_listed, name) for name in names if name.startswith(first) and name.endswith(last))
    yield from ((_declared, name) for name in (PROJECT_FILE,) if name in names)


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _locked(text: str, package: str, wanted: re.Pattern[str]) -> Version | None:
    packages = tomllib.loads(text).get("package", [])
    versions = (p.get("version", "") for p in packages if _plain(p.get("name", "")) == package)
    return next((_numbers(f"=={version}", wanted) for version in versions), None)


def _pipenv(text: str, package: str, wanted: re.Pattern[str]) -> Version | None:
    tables: Mapping[str, Any] = json.loads(text)
    entries = {_plain(name): entry for part in ("default", "develop") for name, entry in tables.get(part, {}).items()}
    return _numbers(entries[package].get("version", ""), wanted) if package in entries else None


def _listed(text: str, package: str, wanted: re.Pattern[str]) -> Version | None:
    return next((found for row in text.splitlines() if (found := _required(row, package, wanted)) is not None), None)


def _declared(text: str, package: str, wanted: re.Pattern[str]) -> Version | None:
    table = tomllib.loads(text)
    rows = [row for row in table.get("project", {}).get("dependencies", []) if isinstance(row, str)]
    poetry = table.get("tool", {}).get("poetry", {}).get("dependencies", {})
    for name, value in poetry.items():
        given = value.get("version", "") if isinstance(value, dict) else value
        if _plain(name) == package and isinstance(given, str):
            return _numbers(given if not given[:1].isdigit() else f"=={given}", wanted)
    return next((found for row in rows if (found := _required(row, package, wanted)) is not None), None)


def _required(row: str, package: str, wanted: re.Pattern[str]) -> Version | None:
    """What a row such as `fastapi[all]==0.110.1` settles for a package."""
    match = _NAME.match(row)
    return _numbers(match["rest"], wanted) if match is not None and _plain(match["name"]) == package else None


def _numbers(specifier: str, wanted: re.Pattern[str]) -> Version | None:
    match = wanted.search(specifier)
    if match is None:
        return None
    major, *minor = (int(each) for each in match.groups() if each is not None)
    return major, minor[0] if minor else 0


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
