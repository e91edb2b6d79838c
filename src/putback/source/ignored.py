"""Files below a directory without those that git ignores.

git itself answers where it can: it knows the index, nested and global ignore files, and is quicker than a
walk. Elsewhere the tree is walked and `.gitignore` files are read here.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from putback.source.excludes import Walk
from putback.source.prefilter import read_bytes

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

Warn = Callable[[str], None]
Found = tuple[str, bool]  # a file's absolute path, and whether it is a symbolic link
# A repository can name programs for git to start; none may run because somebody checks its files: neither to watch
# files, nor as a hook, nor to fetch from a remote what the repository lacks.
GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
NOTHING_ELSE = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": ""}
PATIENCE = 120  # seconds
PYTHON = (".py", ".pyi", ".ipynb")
UNREADABLE = "warning: could not open directory "


def repository_of(directory: str) -> str:
    """The nearest directory at or above `directory` that holds `.git`; "" without one."""
    while not os.path.exists(os.path.join(directory, ".git")):
        above = os.path.dirname(directory)
        if above == directory:
            return ""
        directory = above
    return directory


def commit_of(directory: str) -> str:
    """The commit that a repository is at, with a word when files differ from it; "" where there is none."""
    if not repository_of(directory):
        return ""
    code, head, _ = run_git(directory, "rev-parse", "--short=12", "HEAD")
    if code != 0:
        return ""
    changed, _, _ = run_git(directory, "diff", "--quiet", "--no-ext-diff", "HEAD")
    return head.decode("ascii", "replace").strip() + (" with changes" if changed == 1 else "")


def files_below(top: str, respect_gitignore: bool, walk: Walk, warn: Warn) -> Iterator[Found]:
    """The files below `top`, links to directories not followed; directories that cannot be read are told to `warn`."""
    repository = repository_of(top) if respect_gitignore else ""
    if repository and not ignored_by_git(top, repository):
        listed = listed_by_git(top, warn)
        if listed is not None:
            yield from existing(top, listed, repository, walk, warn)
            return
        yield from walked(top, ignore_files_above(top, repository), walk, warn)
    elif respect_gitignore:
        yield from walked(top, [], walk, warn)
    else:
        yield from walked(top, None, walk, warn)


def run_git(directory: str, *arguments: str) -> tuple[int, bytes, str]:
    """Exit code, output and error text of git in `directory`; code 127 when there is no git, or no end to it."""
    import subprocess

    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | NOTHING_ELSE
    # git is not looked for in the working directory, which may be the repository's
    environment["PATH"] = os.pathsep.join(filter(os.path.isabs, os.get_exec_path()))
    try:
        done = subprocess.run(
            [*GIT, *arguments],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired):
        return 127, b"", ""
    return done.returncode, done.stdout, os.fsdecode(done.stderr)


def ignored_by_git(top: str, repository: str) -> bool:
    """Whether `top` itself is ignored: then it was asked for on purpose and is walked."""
    if top == repository:
        return False
    return run_git(top, "check-ignore", "-q", "--", top)[0] == 0


def listed_by_git(top: str, warn: Warn) -> list[str] | None:
    """What git tracks or would add below `top`, relative to it; None when git cannot say."""
    code, output, errors = run_git(top, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ".")
    if code != 0:
        return None
    for line in errors.splitlines():
        if line.startswith(UNREADABLE):
            warn(f"cannot read directory {line.removeprefix(UNREADABLE)}; left out")
    return list(dict.fromkeys(os.fsdecode(output).split("\0")[:-1]))


def existing(top: str, listed: list[str], repository: str, walk: Walk, warn: Warn) -> Iterator[Found]:
    """The listed files that are there; nested repositories and submodules are listed in their turn."""
    modules = os.path.exists(os.path.join(repository, ".gitmodules"))
    for name in listed:
        if name.endswith(PYTHON):
            path = f"{top}/{name}"
            kind = kind_of(path)
            if kind and not walk.leaves_out(path, False):
                yield path, kind == "link"
        elif name.endswith("/") or (modules and kind_of(f"{top}/{name}") == "directory"):
            path = f"{top}/{name}".rstrip("/")
            if walk.leaves_out(path, True):
                continue
            if os.path.exists(os.path.join(path, ".git")):
                yield from files_below(path, True, walk, warn)
            else:  # a submodule that nobody has fetched: git would list it as part of itself, again and again
                yield from walked(path, ignore_files_above(path, repository), walk, warn)


def kind_of(path: str) -> str:
    """ "file", "directory", "link" (to a file), or "" for everything else and for what is not there."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return ""
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "link" if os.path.isfile(path) else ""


@dataclass(frozen=True, slots=True)
class IgnoreFile:
    """One `.gitignore`: the patterns that can match a directory, and those that can match a Python file.

    A walk asks about a directory before it asks about what is in it, so for files the many patterns
    that name directories and other endings need not be tried.
    """

    directory: str
    for_directories: GitIgnoreSpec
    for_files: GitIgnoreSpec

    def verdict(self, path: str, is_directory: bool) -> bool | None:
        """True: ignored, False: taken back by a `!` pattern, None: nothing said."""
        name = path[len(self.directory) :].lstrip("/")
        if is_directory:
            return self.for_directories.check_file(name + "/").include
        return self.for_files.check_file(name).include


def walked(top: str, rules: list[IgnoreFile] | None, walk: Walk, warn: Warn) -> Iterator[Found]:
    """Walk from `top`; `rules` are the ignore files above it, outermost first, None to respect none.

    Links to directories are not followed, so the walk ends whatever they point to.
    """
    stack = [(top, rules)]
    while stack:
        directory, above = stack.pop()
        entries = entries_of(directory, warn)
        if above is None or not any(entry.name == ".gitignore" for entry in entries):
            inside = above
        else:
            inside = [*above, *ignore_file_in(directory)]
        below = []
        for entry in entries:
            is_directory = entry.is_dir(follow_symlinks=False)
            if not is_directory and not entry.name.endswith(PYTHON):
                continue
            if walk.matched(entry.path, is_directory) or (inside and is_ignored(entry.path, is_directory, inside)):
                continue
            if is_directory:
                below.append((entry.path, inside))
            elif is_file(entry):
                yield entry.path, entry.is_symlink()
        stack.extend(sorted(below, reverse=True))


def entries_of(directory: str, warn: Warn) -> list[os.DirEntry[str]]:
    """What `directory` holds, in no order; nothing, and a warning, when it cannot be read."""
    try:
        with os.scandir(directory) as scan:
            return list(scan)
    except OSError as error:
        warn(f"cannot read directory {directory}: {error.strerror or error}; left out")
        return []


def is_file(entry: os.DirEntry[str]) -> bool:
    """Whether `entry` leads to a regular file; a link that leads nowhere or to itself does not."""
    try:
        return entry.is_file()
    except OSError:
        return False


def ignore_file_in(directory: str) -> list[IgnoreFile]:
    """The `.gitignore` in `directory`: one or none."""
    try:
        text = read_bytes(os.path.join(directory, ".gitignore")).decode("utf-8", "replace")
    except OSError:
        return []
    from putback.source.patterns import readable, spec_of

    lines = readable(text.splitlines())
    of_files = [line for line in lines if line.rstrip().endswith((*PYTHON, "*", "?", "]"))]
    return [IgnoreFile(directory, spec_of(lines), spec_of(of_files))]


def ignore_files_above(top: str, repository: str) -> list[IgnoreFile]:
    """The ignore files from the repository's root to just above `top`, outermost first."""
    found: list[IgnoreFile] = []
    while top != repository:
        top = os.path.dirname(top)
        found = [*ignore_file_in(top), *found]
    return found


def is_ignored(path: str, is_directory: bool, rules: list[IgnoreFile]) -> bool:
    """Whether the innermost ignore file that says something about `path` ignores it."""
    verdicts = (rule.verdict(path, is_directory) for rule in reversed(rules))
    return next((verdict for verdict in verdicts if verdict is not None), False)
