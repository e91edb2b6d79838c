"""Which files are looked at."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from putback.model.config import Config
from putback.model.errors import ConfigError, UsageError
from putback.source.discover import discover, shown

GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project as the working directory, outside any repository."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    return tmp_path


def make(*names: str) -> None:
    """Create files with nothing much in them."""
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("x = 1\n")


def found(*paths: str, config: Config | None = None, warnings: list[str] | None = None) -> list[str]:
    """The files below `paths`, relative to the working directory, sorted."""
    told = [] if warnings is None else warnings
    config = replace(config or Config(), root=os.getcwd())
    files = sorted(shown(each.path) for each in discover(paths or ["."], config, told.append))
    assert warnings is not None or not told
    return files


@pytest.fixture(params=["git", "no git"])
def in_git(request: pytest.FixtureRequest, project: Path) -> bool:
    """Run the test in a git repository and outside of one."""
    if request.param == "git":
        if shutil.which("git") is None:
            pytest.skip("git is not installed")
        subprocess.run([*GIT, "init", "-q"], check=True)
    return bool(request.param == "git")


def test_python_files_without_the_usual_directories(in_git: bool) -> None:
    make(
        "a.py", "b.pyi", "c.txt", "d.pyc", "shop/e.py", ".venv/f.py", "node_modules/g.py", "shop/build/h.py", ".x/i.py"
    )
    assert found() == [".x/i.py", "a.py", "b.pyi", "shop/e.py"]


def test_files_named_one_by_one_are_taken_whatever_they_are(in_git: bool) -> None:
    make("run", "build/a.py", "notes.txt")
    assert found("run", "build/a.py", "notes.txt") == ["build/a.py", "notes.txt", "run"]


def test_an_excluded_directory_is_scanned_when_named(in_git: bool) -> None:
    make("build/a.py", ".venv/lib/site-packages/lib/b.py", ".venv/lib/site-packages/lib/node_modules/c.py")
    assert found("build") == ["build/a.py"]
    assert found(".venv/lib/site-packages") == [".venv/lib/site-packages/lib/b.py"]


def test_force_exclude_excludes_named_files_and_directories() -> None:
    make("build/a.py", "gen/b.py", "c.py")
    config = Config(force_exclude=True, exclude=("build", "gen/*.py"))
    assert found("build/a.py", "gen/b.py", "c.py", "build", config=config) == ["c.py"]


def test_exclude_patterns_are_gitignore_patterns(in_git: bool) -> None:
    make("a.py", "a_pb2.py", "gen/b.py", "shop/gen/c.py", "shop/old/d.py", "old/e.py", "build/f.py")
    assert found(config=Config(exclude=("*_pb2.py", "/gen", "shop/old/"))) == [
        "a.py", "build/f.py", "old/e.py", "shop/gen/c.py",
    ]  # fmt: skip
    assert found(config=Config(exclude=("build", "gen", "old", "!old/"))) == [
        "a.py", "a_pb2.py", "old/e.py", "shop/old/d.py",
    ]  # fmt: skip


def test_patterns_with_a_slash_are_relative_to_the_root_also_below_it() -> None:
    make("shop/gen/a.py", "shop/b.py", "shop/gen/deep/c.py")
    config = Config(exclude=("shop/gen",))
    assert found("shop", config=config) == ["shop/b.py"]
    assert found("shop/gen", config=config) == ["shop/gen/a.py", "shop/gen/deep/c.py"]


def test_gitignore_files_count_nested_ones_too(in_git: bool) -> None:
    make("a.py", "local.py", "out/b.py", "shop/c.py", "shop/out/d.py", "shop/keep/local.py", "shop/gen_e.py")
    Path(".gitignore").write_text("local.py\n/out/\n")
    Path("shop/.gitignore").write_text("gen_*.py\n")
    Path("shop/keep/.gitignore").write_text("!local.py\n")
    assert found() == ["a.py", "shop/c.py", "shop/keep/local.py", "shop/out/d.py"]
    everything = found(config=Config(respect_gitignore=False))
    assert everything == [
        "a.py", "local.py", "out/b.py", "shop/c.py", "shop/gen_e.py", "shop/keep/local.py", "shop/out/d.py",
    ]  # fmt: skip


def test_ignored_things_are_scanned_when_named(in_git: bool) -> None:
    make("out/b.py", "out/deep/c.py", "local.py")
    Path(".gitignore").write_text("local.py\nout/\n")
    assert found("out", "local.py") == ["local.py", "out/b.py", "out/deep/c.py"]
    assert found("out/deep") == ["out/deep/c.py"]


def test_a_folder_inside_a_repository(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run([*GIT, "init", "-q"], check=True)
    make("shop/a.py", "shop/out/b.py", "shop/local.py", "other/c.py")
    Path(".gitignore").write_text("/shop/out/\nlocal.py\n")
    assert found("shop") == ["shop/a.py"]
    monkeypatch.chdir(project / "shop")
    assert found() == ["a.py"]


def test_without_the_git_program_the_repository_s_ignore_files_still_count(monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run([*GIT, "init", "-q"], check=True)
    make("shop/a.py", "shop/out/b.py", "shop/local.py")
    Path(".gitignore").write_text("/shop/out/\nlocal.py\n")
    monkeypatch.setenv("PATH", "")
    assert found("shop") == ["shop/a.py"]


def test_what_git_tracks_is_looked_at_and_what_is_deleted_is_not() -> None:
    subprocess.run([*GIT, "init", "-q"], check=True)
    make("kept.py", "gone.py", "żółć.py")
    subprocess.run([*GIT, "add", "."], check=True)
    Path(".gitignore").write_text("kept.py\n")
    Path("gone.py").unlink()
    make("new.py")
    assert found() == ["kept.py", "new.py", "żółć.py"]


def test_a_repository_inside_a_repository() -> None:
    subprocess.run([*GIT, "init", "-q"], check=True)
    make("a.py", "vendored/b.py", "vendored/local.py")
    subprocess.run([*GIT, "init", "-q", "vendored"], check=True)
    Path("vendored/.gitignore").write_text("local.py\n")
    assert found() == ["a.py", "vendored/b.py"]


@pytest.mark.parametrize("left", [(), ("libs/kit/left.py",)], ids=["empty", "with files"])
def test_a_submodule_that_nobody_has_fetched(left: tuple[str, ...], project: Path) -> None:
    subprocess.run([*GIT, "init", "-q"], check=True)
    make("app.py", ".gitmodules", *left)
    (project / "libs" / "kit").mkdir(parents=True, exist_ok=True)
    link = f"160000,{'1' * 40},libs/kit"
    subprocess.run([*GIT, "update-index", "--add", "--cacheinfo", link], check=True)
    assert found(".") == sorted(["app.py", *left])
    assert found("libs/kit") == list(left)


def test_a_hook_s_environment_does_not_point_git_elsewhere(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run([*GIT, "init", "-q"], check=True)
    make("a.py")
    monkeypatch.setenv("GIT_DIR", str(project / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(project / "nowhere/index"))
    assert found() == ["a.py"]


def test_scanning_starts_no_program_that_the_repository_names() -> None:
    subprocess.run([*GIT, "init", "-q"], check=True)
    make("a.py")
    Path("spy").write_text("#!/bin/sh\ntouch spied\n")
    Path("spy").chmod(0o755)
    subprocess.run([*GIT, "config", "core.fsmonitor", str(Path("spy").absolute())], check=True)
    assert found() == ["a.py"]
    assert not Path("spied").exists()


def test_scanning_fetches_nothing_that_the_repository_lacks(project: Path) -> None:
    """A partial clone fetches what is missing, by a program that its configuration names."""
    make("from/a.py", "from/shop/b.py")
    Path("from/shop/.gitignore").write_text("c.py\n")
    for command in (
        ("-C", "from", "init", "-q"),
        ("-C", "from", "config", "uploadpack.allowFilter", "true"),
        ("-C", "from", "add", "."),
        ("-C", "from", "commit", "-qm", "all"),
        ("clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{project}/from", "clone"),
        ("-C", "clone", "read-tree", "HEAD"),
        ("-C", "clone", "update-index", "--skip-worktree", "shop/.gitignore"),
    ):
        subprocess.run([*GIT, *command], check=True, capture_output=True)
    make("clone/a.py", "clone/shop/b.py", "clone/shop/c.py")
    Path("spy").write_text(f"#!/bin/sh\ntouch {project}/spied\n")
    Path("spy").chmod(0o755)
    for name, value in (("uploadpack", f"{project}/spy"), ("url", f"{project}/from")):
        subprocess.run([*GIT, "-C", "clone", "config", f"remote.origin.{name}", value], check=True)
    listing = ["-C", "clone", "ls-files", "--cached", "--others", "--exclude-standard"]
    subprocess.run([*GIT, *listing], capture_output=True, check=False)
    assert Path("spied").exists(), "git by itself would have run it"
    Path("spied").unlink()
    os.chdir("clone")
    assert found() == ["a.py", "shop/b.py", "shop/c.py"]
    assert not Path("../spied").exists()


@pytest.mark.parametrize("folder", ["", "."])
def test_git_is_not_taken_from_the_working_directory(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run([*GIT, "init", "-q"], check=True)
    make("a.py", "shop/b.py")
    for place in ("git", "shop/git"):
        Path(place).write_text("#!/bin/sh\ntouch spied\n")
        Path(place).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    assert found() == found("shop", ".") == ["a.py", "shop/b.py"]
    assert not Path("spied").exists()
    assert not Path("shop/spied").exists()


def test_links_to_directories_are_not_followed(in_git: bool) -> None:
    make("shop/a.py")
    Path("shop/loop").symlink_to("..")
    Path("shop/self").symlink_to("self")
    Path("shop/self.py").symlink_to("self.py")
    Path("shop/nowhere.py").symlink_to("gone.py")
    assert found() == ["shop/a.py"]


def test_a_linked_file_is_looked_at_once(in_git: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "b.py"
    outside.write_text("x = 1\n")
    make("a.py")
    Path("again.py").symlink_to("a.py")
    Path("b.py").symlink_to(outside)
    assert found() == ["a.py", "b.py"]


def test_paths_that_overlap_give_each_file_once() -> None:
    make("shop/a.py", "shop/deep/b.py")
    assert found(".", "shop", "shop/a.py", "./shop/../shop/a.py") == ["shop/a.py", "shop/deep/b.py"]
    [explicit] = [each for each in discover([".", "shop/a.py"], Config()) if each.explicit]
    assert shown(explicit.path) == "shop/a.py"


def test_a_pipe_is_no_ignore_file(in_git: bool) -> None:
    make("a.py", "shop/b.py")
    if not in_git:  # git waits for what the pipe may say
        os.mkfifo("shop/.gitignore")
    assert found() == ["a.py", "shop/b.py"]


def test_a_pattern_that_means_nothing() -> None:
    make("a.py", "shop/b.py")
    with pytest.raises(ConfigError, match=r'`exclude` has a pattern that cannot be read: "\[z-a\]": bad character'):
        found(config=Config(exclude=("build", "[z-a]")))
    Path(".gitignore").write_text("[z-a]\nb.py\n")
    Path(".git").mkdir()
    assert found() == ["a.py"]  # git passes it over


def test_a_missing_path_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"no such file or directory: gone\.py"):
        discover(["gone.py"], Config())


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_a_directory_that_cannot_be_read_is_named(in_git: bool) -> None:
    make("a.py", "locked/b.py")
    Path("locked").chmod(0)
    try:
        told: list[str] = []
        assert found(warnings=told) == ["a.py"]
    finally:
        Path("locked").chmod(0o755)
    assert any("locked" in line and "left out" in line for line in told)


def test_a_directory_that_vanishes_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    make("a.py", "b/c.py", "d/e.py")
    told: list[str] = []
    listing = discover(["."], replace(Config(), respect_gitignore=False), told.append)
    assert len(listing) == 3
    scan = os.scandir

    def scan_and_lose(path: str) -> object:
        if path.endswith("/b"):
            os.rename(path, f"{path}-gone")
        return scan(path)

    monkeypatch.setattr(os, "scandir", scan_and_lose)
    assert found(warnings=told) == ["a.py", "d/e.py"]
    assert told == [f"cannot read directory {os.getcwd()}/b: No such file or directory; left out"]
