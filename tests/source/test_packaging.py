"""By which names packaging has the files of a project imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from putback.source.packaging import packaging_of

SETUP = "from setuptools import setup\n\nsetup(package_dir={})\n"
POETRY = "[[tool.poetry.packages]]\n"


@pytest.mark.parametrize(
    ("name", "text", "named", "roots"),
    [
        pytest.param("setup.py", SETUP.format({"shopcore": "core"}), {"shopcore": "core"}, set(), id="setup.py"),
        pytest.param("setup.py", SETUP.format({"": "src"}), {}, {"src"}, id="setup.py: a root"),
        pytest.param("setup.py", SETUP.format("made()"), {}, set(), id="setup.py: nothing runs"),
        pytest.param(
            "setup.cfg",
            "[options]\npackage_dir =\n    shopcore = core\n    = src\n",
            {"shopcore": "core"},
            {"src"},
            id="setup.cfg",
        ),
        pytest.param("setup.cfg", "[options.packages.find]\nwhere = src\n", {}, {"src"}, id="setup.cfg: where"),
        pytest.param("setup.cfg", "where\nno configuration", {}, set(), id="setup.cfg: broken"),
        pytest.param(
            "pyproject.toml",
            '[tool.setuptools.package-dir]\n"shop.core" = "lib/core"\n',
            {"shop.core": "lib/core"},
            set(),
            id="setuptools",
        ),
        pytest.param(
            "pyproject.toml", '[tool.setuptools.packages.find]\nwhere = ["a", "b"]\n', {}, {"a", "b"}, id="find: where"
        ),
        pytest.param(
            "pyproject.toml",
            '[tool.hatch.build.sources]\n"core" = "shopcore"\n',
            {"shopcore": "core"},
            set(),
            id="hatch",
        ),
        pytest.param(
            "pyproject.toml",
            '[tool.hatch.build.targets.wheel]\npackages = ["src/shop", "lib/tool"]\n',
            {},
            {"src", "lib"},
            id="hatch: packages",
        ),
        pytest.param("pyproject.toml", POETRY + 'include = "shop"\nfrom = "lib"\n', {}, {"lib"}, id="poetry: from"),
        pytest.param(
            "pyproject.toml",
            POETRY + 'include = "core"\nfrom = "lib"\nto = "shop"\n',
            {"shop.core": "lib/core"},
            set(),
            id="poetry: to",
        ),
        pytest.param("pyproject.toml", "where = [broken\n", {}, set(), id="broken"),
        pytest.param("pyproject.toml", '[project]\nname = "where"\n', {}, set(), id="nothing of the kind"),
    ],
)
def test_what_packaging_says(tmp_path: Path, name: str, text: str, named: dict[str, str], roots: set[str]) -> None:
    (tmp_path / name).write_text(text)
    files = [tmp_path / "core" / "db.py", tmp_path / "app.py"]
    found = packaging_of([path.as_posix() for path in files], lambda path: Path(path).read_bytes())
    assert dict(found.named) == {each: (tmp_path / folder).as_posix() for each, folder in named.items()}
    assert found.roots == {(tmp_path / folder).as_posix() for folder in roots | {"src"}}


def test_a_folder_that_is_a_package_is_no_root(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    files = [(tmp_path / "src" / name).as_posix() for name in ("__init__.py", "db.py")]
    assert packaging_of([*files, (tmp_path / "app.py").as_posix()], lambda path: b"").roots == frozenset()
