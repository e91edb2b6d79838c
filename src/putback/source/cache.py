"""The cache folder: small files, each with a mark of who wrote it and a checksum; whatever is not right is not there.

An entry counts only for the very putback that wrote it, in the very folder that it was written to: what came with a
checkout, was copied or was cut short means nothing, and no link in it is followed to write elsewhere. Files are put in
place whole, so that several processes may write.
Like `prefilter`, this runs before anything else is imported.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing typing takes longer than all of this
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FOLDER = ".putback_cache"
PLACE = "PUTBACK_CACHE_DIR"
OPTION = "--cache-dir"
MARKS = (".git", "pyproject.toml", "putback.toml", ".putback.toml", "setup.py", "setup.cfg")
TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache of putback; `putback clean` removes it.\n"
PACKAGE = os.path.dirname(os.path.dirname(__file__))
MOST = 60  # files: more than that are remains
LENGTH = 32  # of a digest in hexadecimal


def placed(arguments: Sequence[str]) -> None:
    """Keep the cache where `--cache-dir` says, for this process and those that it starts."""
    for at, word in enumerate(arguments):
        name, equals, value = word.partition("=")
        if name == OPTION:
            os.environ[PLACE] = value if equals else next(iter(arguments[at + 1 : at + 2]), "")


def folder(root: str) -> str:
    """The cache folder of the project at `root`; "" where there is no project to keep one in."""
    given = os.environ.get(PLACE)
    if given:
        return os.path.join(os.path.abspath(given), digest([os.fsencode(root)])[:16])
    place = os.path.join(root, FOLDER)
    is_project = any(os.path.exists(os.path.join(root, mark)) for mark in MARKS)
    return place if is_project and not os.path.islink(place) else ""


def name_of(kind: str, parts: Iterable[bytes]) -> str:
    """The name of an entry of this kind that rests on `parts`."""
    return f"{kind}-{digest(parts)}"


def read(folder: str, name: str) -> bytes | None:
    """The entry called `name`; None when there is none that can be trusted."""
    try:
        with open(os.path.join(folder, name), "rb") as file:
            mark, content = file.readline(), file.read()
        return content if mark == seal(folder, name, content) else None
    except OSError:
        return None


def write(folder: str, name: str, content: bytes) -> bool:
    """Keep an entry; whether that went well: a folder that cannot be written to is no reason to fail."""
    place = os.path.join(folder, f".{os.getpid()}.{name}")
    try:
        prepare(folder)
        with open(place, "xb") as file:
            file.write(seal(folder, name, content) + content)
        os.replace(place, os.path.join(folder, name))
        return True
    except OSError:
        remove([place])
        return False


def prepare(folder: str) -> None:
    """Create the folder, marked for backup programs as a cache and for git as nothing to keep."""
    if os.path.exists(os.path.join(folder, "CACHEDIR.TAG")):
        return
    os.makedirs(folder, exist_ok=True)
    for name, text in ((".gitignore", "*\n"), ("CACHEDIR.TAG", TAG)):
        try:
            with open(os.path.join(folder, name), "x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:  # by another process, or as a link to who knows where
            continue


def tidy(folder: str) -> None:
    """Remove what was not written for longest, where there is too much."""
    try:
        entries = [(each.stat().st_mtime_ns, each.path) for each in os.scandir(folder) if "-" in each.name]
    except OSError:
        return
    remove(path for _, path in sorted(entries)[:-MOST])


def remove(paths: Iterable[str]) -> None:
    """Remove files that may not be there."""
    for path in paths:
        try:
            os.unlink(path)
        except OSError:
            continue


def seal(folder: str, name: str, content: bytes) -> bytes:
    """The first row of an entry: who wrote it, where, and what follows."""
    here = os.stat(folder)
    place = f"{here.st_dev} {here.st_ino} {os.getuid() if hasattr(os, 'getuid') else 0}"
    return digest([own_stamp(), place.encode(), name.encode(), content]).encode() + b"\n"


def digest(parts: Iterable[bytes]) -> str:
    """A short name for `parts` that no others have."""
    try:
        from _blake2 import blake2b  # what hashlib would give, without its five milliseconds
    except ImportError:
        from hashlib import blake2b
    found = blake2b(digest_size=LENGTH // 2)
    for part in parts:
        found.update(len(part).to_bytes(8, "little") + part)
    return found.hexdigest()


_stamp: list[bytes] = []


def own_stamp() -> bytes:
    """What tells this putback, its tables included, from any other: the state of its files, and Python's version.

    An installer writes all files anew, so one of them tells; those of a checkout change one by one.
    """
    if not _stamp:
        state = os.stat(os.path.join(PACKAGE, "__init__.py"))
        found = [sys.version, f"{PACKAGE} {state.st_ino} {state.st_ctime_ns} {state.st_size}"]
        todo = [] if "site-packages" in PACKAGE else [PACKAGE]
        while todo:
            for each in os.scandir(todo.pop()):
                if each.is_dir():
                    todo += [each.path] if each.name != "__pycache__" else []
                else:
                    state = each.stat()
                    found.append(f"{each.path} {state.st_mtime_ns} {state.st_size}")
        _stamp.append("\n".join(sorted(found)).encode("utf-8", "surrogatepass"))
    return _stamp[0]
