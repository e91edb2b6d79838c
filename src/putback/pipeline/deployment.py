"""How a project is run, from the files in which it says so: commands of servers and workers, replicas, limits.

The files are read as words: a command is the same in a Procfile, a Dockerfile, a compose file and a manifest.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch

from putback.frameworks.idioms import idioms
from putback.model.budget import Told

_LARGEST = 200_000
_WORD = re.compile(r"\$\{[^}]*\}|[^\s\"',\[\]=]+")
_ENDS = ("&&", "||", ";", "|")
_LONGEST = 40
_DEFAULT = re.compile(r"\$\{\w+:?-(\d+)\}")
_PROCESSES = re.compile(r"\b(?:WEB_CONCURRENCY|GUNICORN_WORKERS)\b[\s:=\"']+(\d+)")
_REPLICAS = re.compile(r"^\s*(?:replicas|replicaCount|numInstances|min_machines_running):?\s*=?\s*(\d+)\s*$")
_LIMIT = re.compile(r"\bmax_connections\b[\s:=\"']+(\d+)")
_OWN_WORKERS = re.compile(r"^workers\s*=\s*(\d+)\s*(?:#.*)?$")


@dataclass(slots=True)
class Deployment:
    """What the files say; each number with the place that says it."""

    workers: list[Told] = field(default_factory=list)
    replicas: list[Told] = field(default_factory=list)
    limits: list[Told] = field(default_factory=list)


def deployment(root: str) -> Deployment:
    """What the files of the project at `root` say of how it is run."""
    found = Deployment()
    for path in _files(root):
        try:
            with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
                _read(file.read(_LARGEST), path, found)
        except OSError:
            continue
    return found


def _files(root: str) -> Iterator[str]:
    for folder in idioms().deployment.folders:
        try:
            names = sorted(os.listdir(os.path.join(root, folder)))
        except OSError:
            continue
        for name in names:
            path = os.path.join(folder, name)
            if any(fnmatch(name, pattern) for pattern in idioms().deployment.files) and os.path.isfile(
                os.path.join(root, path)
            ):
                yield path.replace(os.sep, "/")


def _read(text: str, path: str, found: Deployment) -> None:
    rows = text.splitlines()
    found.workers += _commands([(word, number) for number, row in enumerate(rows, 1) for word in _words(row)], path)
    patterns = [(_REPLICAS, found.replicas), (_LIMIT, found.limits), (_PROCESSES, found.workers)]
    patterns += [(_OWN_WORKERS, found.workers)] if path.endswith(".py") else []
    for number, row in enumerate(rows, 1):
        for pattern, told in patterns if not row.lstrip().startswith("#") else ():
            if match := pattern.search(row):
                told.append(Told(int(match[1]), f"{path}:{number}"))


def _words(row: str) -> list[str]:
    """The words of a row that is no comment; list marks and quotes are none."""
    return [] if row.lstrip().startswith("#") else [w for w in _WORD.findall(row) if w != "-"]


def _commands(words: Sequence[tuple[str, int]], path: str) -> Iterator[Told]:
    """How many processes the servers and workers that are started have, one where a command does not say."""
    servers = idioms().deployment.servers
    for index, (word, row) in enumerate(words):
        name = word.rsplit("/", 1)[-1]
        if name in servers and _is_started(words, index):
            number = _processes(words[index + 1 : index + _LONGEST], servers[name])
            if number is not None:
                yield Told(number, f"{name}, {path}:{row}")


def _is_started(words: Sequence[tuple[str, int]], index: int) -> bool:
    """Whether a word is a command and not a package to install or a part of prose."""
    before = [word for word, row in words[max(0, index - 6) : index] if row == words[index][1]]
    return not {"install", "add", "pip", "import", "from"} & set(before)


def _processes(words: Sequence[tuple[str, int]], options: Sequence[str]) -> int | None:
    for index, (word, _) in enumerate(words):
        if word in _ENDS or word.rsplit("/", 1)[-1] in idioms().deployment.servers:
            return None
        if word in options and index + 1 < len(words):
            return _number(words[index + 1][0])
        for option in options:
            if len(option) == 2 and word.startswith(option) and word[2:].isdigit():
                return int(word[2:])
    return None


def _number(word: str) -> int | None:
    if word.isdigit():
        return int(word)
    default = _DEFAULT.fullmatch(word)
    return int(default[1]) if default is not None else None
