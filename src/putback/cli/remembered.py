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
            _, content = recalled(folder, known)
            code, _, text = content.partition(b" ")
            return (text.decode("utf-8", "surrogatepass"), int(code)) if code else None
    return None


def recalled(folder: str, known: bytes) -> tuple[str, bytes]:
    """What an entry says, if its files are as they were, and the name of the entry with these; else nothing."""
    name, _, content = known.partition(b"\n")
    files = name.decode()
    state = cache.read(folder, files)
    if state is None:
        return "", b""
    same, renewed = unchanged(state)
    if renewed is not None:
        cache.write(folder, files, renewed)
    return (files, content) if same else ("", b"")


def name_of(arguments: Sequence[str]) -> str:
    """The name of the entry for a run with these arguments, here and now."""
    size = os.get_terminal_size(1) if sys.stdout.isatty() else ""
    return entry_name("run", [*arguments, "", f"{size}", (sys.stdout.encoding or "").lower()])


def entry_name(kind: str, parts: Sequence[str]) -> str:
    """The name of the entry of a kind that rests on these parts, the working directory and the environment."""
    asked = sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith(ASKED))
    return cache.name_of(kind, [each.encode("utf-8", "surrogatepass") for each in (*parts, os.getcwd(), *asked)])


class Memory:
    """What was kept of runs over the paths of this one, and what will be; `others` names further files they rest on."""

    def __init__(
        self, arguments: Sequence[str], root: str, paths: Sequence[str], skip: Collection[str], others: Sequence[str]
    ) -> None:
        self.arguments, self.root, self.paths, self.skip, self.others = arguments, root, paths, skip, others
        here = os.getcwd()
        inside = root in (here, *above(here)) and all(is_below(os.path.abspath(path), root) for path in paths)
        self.folder = cache.folder(root) if inside else ""
        self.taken: Taken | None = None
        self.earlier: bytes | None = None
        self.files = ""

    def recall(self, name: str) -> bytes | None:
        """What an entry says, if all files are as they were then."""
        known = cache.read(self.folder, name) if self.folder else None
        self.files, content = recalled(self.folder, known) if known is not None else ("", b"")
        if known is not None and not self.files:
            self.earlier = cache.read(self.folder, known.partition(b"\n")[0].decode())
        return content if self.files else None

    def begin(self) -> None:
        """Note the state of the files before a run."""
        if self.folder:
            others = [*self.others, *configurations(self.root), *map(os.path.expanduser, GIT_SETTINGS)]
            taken = Taken(self.root, self.skip, others)
            self.taken = taken if all(taken.covers(os.path.abspath(path)) for path in self.paths) else None

    def keep(self, text: str | None, code: int, looked_at: int, name: str, content: bytes) -> None:
        """Keep what the run over so many files printed (None: it has to run again), and an entry of another name, if
        the files are the same."""
        entries = {name: content}
        if text is not None:
            entries[name_of(self.arguments)] = b"%d %s" % (code, text.encode("utf-8", "surrogatepass"))
        if not self.files:
            state = self.taken.kept(looked_at, self.earlier) if self.taken is not None else None
            if state is None:
                return
            self.files = cache.name_of("files", [state])
            if not cache.write(self.folder, self.files, state):
                return
        for each, said in entries.items():
            cache.write(self.folder, each, self.files.encode() + b"\n" + said)
        cache.tidy(self.folder)


def configurations(root: str) -> list[str]:
    """The files above the project that can have a say: settings, and what git ignores."""
    names = (*CONFIG_FILES, PROJECT_FILE, ".gitignore", ".git/info/exclude", ".git/index")
    return [os.path.join(directory, name) for directory in above(root) for name in names]


def is_below(path: str, directory: str) -> bool:
    """Whether the absolute `path` is `directory` or lies in it, by spelling alone."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")
