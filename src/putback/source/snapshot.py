"""The state of a project's files, taken before a run: whether a later run would read the same.

A file is the same when its times, size and number are; where they are not, when its content is. A folder is the same
when it has the same names that matter. A state holds for good only if nothing was written since shortly before it was
taken: what is written later then shows by its time. Like `prefilter`, this runs before anything else is imported.
"""

from __future__ import annotations

import os
from time import time_ns

from putback.model.defaults import CONFIG_FILES, LOCK_FILES, PROJECT_FILE, REQUIREMENTS
from putback.source.cache import digest
from putback.source.prefilter import read_bytes

TYPE_CHECKING = False  # importing typing takes longer than all of this
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

SOURCES = (".py", ".pyi", ".ipynb")
NAMES = frozenset((*CONFIG_FILES, PROJECT_FILE, "setup.cfg", *LOCK_FILES, ".git", ".gitignore", ".gitmodules"))
MOST_FOLDERS = 20_000
SETTLED = 50_000_000  # nanoseconds: clocks of file systems are coarse
WHOLE_SECONDS = 2_000_000_000  # and some know nothing finer
ABSENT = b"-"
NOTHING = b"", b""

Entry = tuple[bytes, bytes, bytes]
"""A path, that of a folder with a slash at its end; its state; and a digest of its content."""


class Taken:
    """The state at one moment of all that may be read below `root`, folders called as one of `skip` left out.

    `rules` are files by which git tells what it ignores, and `others` those that lie elsewhere.
    """

    def __init__(self, root: str, skip: Collection[str], others: Iterable[str]) -> None:
        self.moment = time_ns()
        self.files: dict[bytes, bytes] = {}
        self.folders: list[Entry] = []
        self.rules: dict[bytes, bytes] = {}
        self.has_linked_git = False
        todo = [os.fsencode(root)]
        left_out = frozenset(os.fsencode(name) for name in skip)
        while todo and len(self.folders) < MOST_FOLDERS:
            folder = todo.pop()
            state = state_of(folder)
            names, below = listing(folder, left_out)
            self.folders.append((folder + b"/", state if is_settled(state, self.moment) else b"", digest_of(names)))
            todo += below
            if GIT in names:
                self.rules.update((path, state_of(path)) for path in (folder + each for each in GIT_RULES))
            self.has_linked_git |= GIT[:-1] in names
            paths = (folder + b"/" + name for name in names if not name.endswith(b"/"))
            self.files.update((path, state_of(path)) for path in paths)
        self.is_whole = not todo
        self.left_out = left_out
        self.files.update((path, state_of(path)) for path in map(os.fsencode, others))

    def covers(self, path: str) -> bool:
        """Whether a file or folder was seen."""
        place = os.fsencode(path)
        return place in self.files or any(place + b"/" == folder for folder, _, _ in self.folders)

    def kept(self, looked_at: int, earlier: bytes | None = None) -> bytes | None:
        """The state for later, if everything is still as it was taken, after a run that `looked_at` so many sources.

        What is as in an `earlier` state is not read again.
        Where that is all of them, nothing is left out, and what git knows of each file makes no difference.
        """
        has_all = looked_at == sum(path.endswith(ENDINGS) for path in self.files)
        files = self.files if has_all else self.files | self.rules
        if not self.is_whole or (self.has_linked_git and not has_all):
            return None
        if not all(is_settled(state, self.moment) for state in files.values()):
            return None
        known = {path: (state, content) for path, state, content in entries_of(earlier)} if earlier else {}
        entries = [
            (path, state, known[path][1] if known.get(path, NOTHING)[0] == state else content_of(path))
            for path, state in files.items()
        ]
        if any(state_of(path) != state for path, state, _ in entries):
            return None
        return packed([*self.folders, *entries], self.left_out)


def is_settled(state: bytes, moment: int) -> bool:
    """Whether what is written after `moment` will have another time."""
    if state == ABSENT:
        return True
    times = [int(each) for each in state.split()[:2]]
    return all(moment - each > (SETTLED if each % 1_000_000_000 else WHOLE_SECONDS) for each in times)


def packed(entries: Iterable[Entry], left_out: Collection[bytes]) -> bytes:
    """Entries in one piece, behind the names of folders that are left out."""
    return b"\0".join([b"/".join(sorted(left_out)), *(each for entry in entries for each in entry)])


def unchanged(data: bytes) -> tuple[bool, bytes | None]:
    """Whether all is as it was; and the state as it is now, if only times are different."""
    left_out = frozenset(data.partition(b"\0")[0].split(b"/"))
    entries = entries_of(data)
    is_other = False
    for number, (path, state, content) in enumerate(entries):
        now = state_of(path)
        if now != state:
            again = digest_of(listing(path[:-1], left_out)[0]) if path.endswith(b"/") else content_of(path)
            if again != content:
                return False, None
            if state:
                entries[number] = (path, now, content)
                is_other = True
    return True, packed(entries, left_out) if is_other else None


def entries_of(data: bytes) -> list[Entry]:
    """The reverse of `packed`, without the names of folders."""
    return list(zip(*[iter(data.split(b"\0")[1:])] * 3, strict=True))


def state_of(path: bytes) -> bytes:
    """What tells that a file was written to: its times, size and number."""
    try:
        found = os.stat(path)
    except OSError:
        return ABSENT
    return b"%d %d %d %d" % (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def content_of(path: bytes) -> bytes:
    """A digest of a file's content."""
    try:
        return digest([read_bytes(os.fsdecode(path))]).encode()
    except OSError:
        return ABSENT


def listing(folder: bytes, left_out: Collection[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The names in a folder that matter, those of folders with a slash; and the paths of these folders."""
    names: list[bytes] = []
    below: list[bytes] = []
    try:
        for each in os.scandir(folder):
            if each.is_dir(follow_symlinks=False):
                if each.name == GIT[:-1]:
                    names.append(GIT)
                elif each.name not in left_out:
                    names.append(each.name + b"/")
                    below.append(each.path)
            elif each.name.endswith(ENDINGS) or each.name in BARE_NAMES or lists_packages(each.name):
                names.append(each.name)
    except OSError:
        return [ABSENT + b"/"], []
    return sorted(names), below


def lists_packages(name: bytes) -> bool:
    """Whether a file of this name may say which version of a package the project runs on."""
    return name.startswith(PACKAGES[0]) and name.endswith(PACKAGES[1])


def digest_of(names: Iterable[bytes]) -> bytes:
    """A digest of names."""
    return digest(names).encode()


def above(directory: str) -> Iterator[str]:
    """The directories above one."""
    while (parent := os.path.dirname(directory)) != directory:
        yield parent
        directory = parent


GIT = b".git/"
GIT_RULES = (b"/.git/index", b"/.git/info/exclude")
ENDINGS = tuple(os.fsencode(each) for each in SOURCES)
BARE_NAMES = frozenset(os.fsencode(each) for each in NAMES)
PACKAGES = tuple(os.fsencode(each) for each in REQUIREMENTS)
