"""A file is replaced whole, stays the file that it was, and is left alone when that cannot be."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from putback.fixes.write import sweep, write
from putback.model.errors import Overtaken, WriteError

NOBODY = 65534
posix = pytest.mark.skipif(os.name != "posix", reason="modes and owners are those of POSIX")


@contextmanager
def as_user(user: int) -> Iterator[None]:
    """Act as another user; for root only."""
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def without_privileges() -> Iterator[None]:
    """Be somebody for whom read-only means read-only."""
    if os.geteuid():
        yield
    else:
        with as_user(NOBODY):
            yield


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory that every user can look into, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture
def file(folder: Path) -> Path:
    """The only file of a directory."""
    path = folder / "orders.py"
    path.write_bytes(b"old")
    return path


def names(folder: Path) -> list[str]:
    """What is in a directory."""
    return sorted(path.name for path in folder.iterdir())


def test_the_new_content_takes_the_place_of_the_old(file: Path) -> None:
    write(str(file), b"old", b"new")
    assert file.read_bytes() == b"new"
    assert names(file.parent) == ["orders.py"]


@posix
@pytest.mark.parametrize("mode", [0o644, 0o600, 0o755, 0o4711])
def test_the_mode_stays(file: Path, mode: int) -> None:
    file.chmod(mode)
    write(str(file), b"old", b"new")
    assert stat.S_IMODE(file.stat().st_mode) == mode


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_stays(file: Path) -> None:
    file.chmod(0o640)
    os.chown(file, 1234, 4321)
    write(str(file), b"old", b"new")
    assert (file.stat().st_uid, file.stat().st_gid, stat.S_IMODE(file.stat().st_mode)) == (1234, 4321, 0o640)


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else")
def test_a_file_of_somebody_else_does_not_change_hands(file: Path) -> None:
    file.chmod(0o666)
    file.parent.chmod(0o777)
    with as_user(NOBODY), pytest.raises(WriteError, match="it belongs to somebody else"):
        write(str(file), b"old", b"new")
    assert (file.read_bytes(), names(file.parent)) == (b"old", ["orders.py"])


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="no extended attributes here")
def test_extended_attributes_stay(file: Path) -> None:
    try:
        os.setxattr(file, "user.origin", b"here")
    except OSError:
        pytest.skip("the file system has no extended attributes")
    write(str(file), b"old", b"new")
    assert os.getxattr(file, "user.origin") == b"here"


def test_the_time_of_the_change_is_now(file: Path) -> None:
    os.utime(file, (1, 1))
    write(str(file), b"old", b"new")
    assert file.stat().st_mtime > 1


@posix
def test_a_link_stays_and_its_target_changes(file: Path) -> None:
    elsewhere = file.parent / "links"
    elsewhere.mkdir()
    (elsewhere / "a.py").symlink_to("../orders.py")
    (elsewhere / "b.py").symlink_to("a.py")
    write(str(elsewhere / "b.py"), b"old", b"new")
    assert file.read_bytes() == b"new"
    assert (elsewhere / "b.py").is_symlink() and (elsewhere / "a.py").is_symlink()
    assert names(elsewhere) == ["a.py", "b.py"]


def test_a_file_that_has_changed_meanwhile_is_left_alone(file: Path) -> None:
    with pytest.raises(Overtaken, match="it has changed since it was read"):
        write(str(file), b"older", b"new")
    assert (file.read_bytes(), names(file.parent)) == (b"old", ["orders.py"])


@posix
def test_a_read_only_file_is_left_alone_even_by_root(file: Path) -> None:
    file.chmod(0o444)
    with pytest.raises(WriteError, match="it is read-only"):
        write(str(file), b"old", b"new")
    assert file.read_bytes() == b"old"


@posix
def test_a_read_only_directory(file: Path) -> None:
    file.chmod(0o666)
    file.parent.chmod(0o555)
    with without_privileges(), pytest.raises(WriteError, match="its directory is read-only"):
        write(str(file), b"old", b"new")
    assert (file.read_bytes(), names(file.parent)) == (b"old", ["orders.py"])
    file.parent.chmod(0o755)


@posix
def test_a_file_with_two_names_is_left_alone(file: Path) -> None:
    os.link(file, file.parent / "other.py")
    with pytest.raises(WriteError, match="it has another name"):
        write(str(file), b"old", b"new")
    assert (file.parent / "other.py").read_bytes() == file.read_bytes() == b"old"


@posix
@pytest.mark.parametrize("kind", ["gone", "directory", "loop", "pipe"])
def test_what_is_no_file_is_an_error(folder: Path, kind: str) -> None:
    path = folder / "x.py"
    if kind == "directory":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to("x.py")
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(WriteError):
        write(str(path), b"", b"new")


@posix
def test_a_name_of_the_greatest_length(folder: Path) -> None:
    path = folder / f"{'x' * 252}.py"
    path.write_bytes(b"old")
    write(str(path), b"old", b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.skipif(sys.platform != "linux", reason="the limit acts like a full disk on Linux")
def test_a_full_disk_is_no_damage(file: Path) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(WriteError, match="too large"):
            write(str(file), b"old", b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (file.read_bytes(), names(file.parent)) == (b"old", ["orders.py"])


@posix
def test_what_a_killed_process_left_is_swept_away(folder: Path) -> None:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    left, running, foreign = f".putback-{child}-{'0' * 16}.tmp", f".putback-1-{'0' * 16}.tmp", ".putback-x.tmp"
    for name in (left, running, foreign):
        (folder / name).write_bytes(b"")
    sweep(str(folder))
    assert names(folder) == sorted([running, foreign])
    sweep(str(folder / "gone"))
