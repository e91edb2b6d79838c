"""What an earlier run printed, where nothing has changed that it rested on.

Looked up by everything that the output can depend on: the arguments, the working directory, the environment, the
terminal. The files are compared by `source/snapshot.py`. Runs before anything else is imported.
"""

from __future__ import annotations

import os
import sys

from putback.model.defaults import CONFIG_FILES, PROJECT_FILE
from putback.source import cache
from putback.source.snapshot import Taken, above, unchanged

TYPE_CHECKING = False  # importing typing takes longer than all of this
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

ASKED = ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS", "LINES", "HOME", "XDG_CONFIG_HOME", "GITHUB_", "CI", "PUTBACK_")
"""What the names of variables begin with that the output can depend on."""
GIT_SETTINGS = ("~/.gitconfig", "~/.config/git/ignore", "~/.config/git/config")


def same_again(arguments: Sequence[str]) -> tuple[str, int] | None:
    """The output and the exit code of the same run before, if it would be the same again."""
    if not arguments or arguments[0] != "check" or "--no-cache" in arguments:
        return None
    name = name_of(arguments)
    here = os.getcwd()
    for root in (here, *above(here)):
        folder = cache.folder(root)
        known = cache.read(folder, name) if folder else None
        if known is not None:
            return recalled(folder, known)
    return None


def recalled(folder: str, known: bytes) -> tuple[str, int] | None:
    """What an entry says, if its files are as they were."""
    head, _, text = known.partition(b"\n")
    code, _, files = head.decode().partition(" ")
    state = cache.read(folder, files)
    if state is None:
        return None
    same, renewed = unchanged(state)
    if renewed is not None:
        cache.write(folder, files, renewed)
    return (text.decode("utf-8", "surrogatepass"), int(code)) if same else None


def name_of(arguments: Sequence[str]) -> str:
    """The name of the entry for a run with these arguments, here and now."""
    asked = sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith(ASKED))
    size = os.get_terminal_size(1) if sys.stdout.isatty() else ""
    parts = [*arguments, "", os.getcwd(), f"{size}", (sys.stdout.encoding or "").lower(), *asked]
    return cache.name_of("run", [each.encode("utf-8", "surrogatepass") for each in parts])


class Memory:
    """Notes the state of the files before a run, those that `others` names among them, and its output afterwards."""

    def __init__(
        self, arguments: Sequence[str], root: str, paths: Sequence[str], skip: Collection[str], others: Sequence[str]
    ) -> None:
        self.arguments = arguments
        self.folder = cache.folder(root)
        self.taken = None
        here = os.getcwd()
        inside = root in (here, *above(here)) and all(is_below(os.path.abspath(path), root) for path in paths)
        if self.folder and inside:
            taken = Taken(root, skip, [*others, *configurations(root), *map(os.path.expanduser, GIT_SETTINGS)])
            self.taken = taken if all(taken.covers(os.path.abspath(path)) for path in paths) else None

    def keep(self, text: str, code: int, looked_at: int) -> None:
        """Keep what the run over so many files printed, if they are still the same."""
        state = self.taken.kept(looked_at) if self.taken is not None else None
        if state is None:
            return
        files = cache.name_of("files", [state])
        content = b"%d %s\n%s" % (code, files.encode(), text.encode("utf-8", "surrogatepass"))
        if cache.write(self.folder, files, state) and cache.write(self.folder, name_of(self.arguments), content):
            cache.tidy(self.folder)


def configurations(root: str) -> list[str]:
    """The files above the project that can have a say: settings, and what git ignores."""
    names = (*CONFIG_FILES, PROJECT_FILE, ".gitignore", ".git/info/exclude", ".git/index")
    return [os.path.join(directory, name) for directory in above(root) for name in names]


def is_below(path: str, directory: str) -> bool:
    """Whether the absolute `path` is `directory` or lies in it, by spelling alone."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")
