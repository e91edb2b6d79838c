"""By which names a project's files are imported, where its packaging gives them others than their folders have.

`setup.py`, `setup.cfg` and `pyproject.toml` are read, never run. What they say is the same for all files of a project.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_WORDS = (
    b"package_dir",
    b"package-dir",
    b"where",
    b"sources",
    b"packages",
    b"force-include",
    b"module-root",
    b"python-source",
)
"""One of them stands in a file that gives packages other names or another place."""
_USUAL = "src"
"""Where build tools look for packages that nobody has named, if it is there and is none itself."""
_DEEPEST = 3
"""How many folders below the outermost one packaging is looked for."""
_ROOTS = (
    ("pdm", "build", "package-dir"),
    ("uv", "build-backend", "module-root"),
    ("maturin", "python-source"),
    ("setuptools", "packages", "find", "where"),
    ("pytest", "ini_options", "pythonpath"),
)
"""Where tools are told in which folders imports start."""


@dataclass(frozen=True, slots=True)
class Packaging:
    """`named` are folders by the dotted names that they are imported by; from `roots` imports start, as from the
    folder of a script."""

    named: tuple[tuple[str, str], ...] = ()
    roots: frozenset[str] = frozenset()

    def folders(self, dotted: str) -> Iterator[tuple[str, str]]:
        """What a name may begin in, the most exact first: a folder, and the rest of the name."""
        for name, folder in self.named:
            if dotted == name or dotted.startswith(f"{name}."):
                yield folder, dotted[len(name) + 1 :]

    def words(self, folder: str) -> frozenset[bytes]:
        """The last names by which a folder of this name may be imported, besides its own."""
        return frozenset(
            os.fsencode(name.rpartition(".")[2]) for name, each in self.named if each.rpartition("/")[2] == folder
        )

    @property
    def all_words(self) -> frozenset[bytes]:
        """The last names by which any folder may be imported."""
        return frozenset(os.fsencode(name.rpartition(".")[2]) for name, _ in self.named)

    @property
    def digest(self) -> bytes:
        """All that it says."""
        return repr((self.named, sorted(self.roots))).encode("utf-8", "replace")


def packaging_of(paths: Collection[str], data: Callable[[str], bytes]) -> Packaging:
    """What the packaging around some files says, each of which is read by `data`."""
    named: dict[str, str] = {}
    roots: set[str] = set()
    for folder in sorted(_folders(paths)):
        for name, place in _read(folder, data):
            target = os.path.normpath(os.path.join(folder, place)).replace(os.sep, "/")
            if name:
                named.setdefault(name, target)
            else:
                roots.add(target)
    roots -= {os.path.dirname(path) for path in paths if path.endswith("/__init__.py")}
    ordered = sorted(named.items(), key=lambda pair: (-pair[0].count("."), pair[0]))
    return Packaging(tuple(ordered), frozenset(roots))


def _folders(paths: Collection[str]) -> set[str]:
    """The folders that may have packaging: the outermost, and those below it that are not far."""
    folders = {os.path.dirname(path) for path in paths}
    top = os.path.commonpath(folders) if folders else ""
    found = {top} if top else set()
    for folder in folders:
        below = os.path.relpath(folder, top).split(os.sep)[:_DEEPEST]
        found |= {os.path.join(top, *below[:count]) for count in range(1, len(below) + 1)}
    return found


def _read(folder: str, data: Callable[[str], bytes]) -> Iterator[tuple[str, str]]:
    """The folders that the packaging in a folder names, each with the name that it is imported by, "" for a root."""
    for name, read in _READERS.items():
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            continue
        yield "", _USUAL
        try:
            content = data(path)
            if any(word in content for word in _WORDS):
                yield from read(content.decode("utf-8", "replace"))
        except (OSError, ValueError, RecursionError, SyntaxError):
            continue


def _of_setup(text: str) -> Iterator[tuple[str, str]]:
    import ast

    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.keyword) and node.arg in ("package_dir", "where"):
            try:
                yield from _pairs(ast.literal_eval(node.value))
            except ValueError:  # put together from something else
                continue


def _of_configuration(text: str) -> Iterator[tuple[str, str]]:
    import configparser

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error:
        return
    directories = parser.get("options", "package_dir", fallback="")
    rows = (row.partition("=") for row in directories.replace(",", "\n").splitlines() if "=" in row)
    yield from ((name.strip(), place.strip()) for name, _, place in rows)
    yield from _pairs(parser.get("options.packages.find", "where", fallback="").split())


def _of_project(text: str) -> Iterator[tuple[str, str]]:
    import tomllib

    tool = tomllib.loads(text).get("tool", {})
    for way in _ROOTS:
        yield from _pairs(_at(tool, way))
    yield from _pairs(_at(tool, ("setuptools", "package-dir")))
    build = _at(tool, ("hatch", "build"))
    for table in (build, _at(build, ("targets", "wheel"))):
        yield from _of_hatch(table)
    packages = _at(tool, ("poetry", "packages"))
    for each in packages if isinstance(packages, list) else ():
        yield from _of_poetry(each)


def _of_hatch(table: Any) -> Iterator[tuple[str, str]]:
    for key in ("sources", "force-include"):
        found = _at(table, (key,))
        if isinstance(found, Mapping):
            yield from ((str(name).replace("/", "."), str(place)) for place, name in found.items())
        elif key == "sources":
            yield from _pairs(found)
    packages = _at(table, ("packages",))
    yield from _pairs([os.path.dirname(each) or "." for each in packages or () if isinstance(each, str)])


def _of_poetry(package: Any) -> Iterator[tuple[str, str]]:
    include, base, to = (_at(package, (key,)) for key in ("include", "from", "to"))
    if isinstance(include, str) and isinstance(to, str):
        yield f"{to}/{include}".strip("/").replace("/", "."), os.path.join(str(base or ""), include)
    elif isinstance(base, str):
        yield "", base


def _pairs(value: Any) -> Iterator[tuple[str, str]]:
    """Folders by the names that they are imported by; of a list or a single one those in which imports start."""
    if isinstance(value, str):
        yield "", value
    elif isinstance(value, (list, tuple)):
        yield from (("", each) for each in value if isinstance(each, str))
    elif isinstance(value, Mapping):
        yield from ((name, each) for name, each in value.items() if isinstance(name, str) and isinstance(each, str))


def _at(table: Any, way: Iterable[str]) -> Any:
    for key in way:
        table = table.get(key) if isinstance(table, Mapping) else None
    return table


_READERS: Mapping[str, Callable[[str], Iterator[tuple[str, str]]]] = {
    "setup.py": _of_setup,
    "setup.cfg": _of_configuration,
    "pyproject.toml": _of_project,
}
