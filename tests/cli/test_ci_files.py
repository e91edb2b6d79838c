"""The files for CI are valid by the schemas of those who read them, and their commands can be typed."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import click
import pytest

from putback.cli.main import group
from putback.model.version import VERSION

CI = Path(__file__).parents[2] / "docs" / "ci"
GUIDE = CI.parent / "pages" / "guides" / "ci.md"


def check(schema: str, *files: Path) -> None:
    """Validate files by a schema that comes with check-jsonschema."""
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def blocks(language: str) -> list[str]:
    """The code of the guide in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_release_workflow() -> None:
    check("vendor.github-workflows", CI / "release.yml")
    text = (CI / "release.yml").read_text(encoding="utf-8")
    for step in ("docs/ci/release.py --check", "attest-build-provenance", "gh-action-pypi-publish"):
        assert step in text


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The texts that a release asks for."""
    for name in ("CHANGELOG.md", "src/putback/model/version.py", "src/putback/model/site.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CI.parents[1] / name, tmp_path / name)
    return tmp_path


def test_a_release_says_all_that_is_missing(repository: Path) -> None:
    missing = list(release().faults({"version": "9.9.9"}, repository))
    assert len(missing) == 3
    assert "version.py is not 9.9.9" in missing[0]
    assert 'not with "## 9.9.9 (YEAR-MONTH-DAY)"' in missing[1]
    assert missing[2].startswith('"Source" in [project.urls]')


def test_a_release_is_made_when_nothing_is_missing(repository: Path) -> None:
    version = VERSION
    (repository / "CHANGELOG.md").write_text(f"# Changelog\n\n## {version} (2031-05-06)\n\n- x\n")
    site = repository / "src" / "putback" / "model" / "site.py"
    site.write_text('ADDRESS = "https://putback.example/"\n')
    urls = {"Source": "https://putback.example/git", "Documentation": "https://putback.example/"}
    assert list(release().faults({"version": version, "urls": urls}, repository)) == []
    urls["Documentation"] = "https://elsewhere.example/"
    assert len(list(release().faults({"version": version, "urls": urls}, repository))) == 1


def test_the_description_on_an_index_is_short_and_leads_nowhere_wrong(tmp_path: Path) -> None:
    text = (CI.parent / "pypi.md").read_text(encoding="utf-8")
    wheel = tmp_path / "putback-1-py3-none-any.whl"
    for length, links, expected in ((0, "", 0), (20_000, "", 1), (0, "[a](docs/a.md)", 1)):
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("putback-1.dist-info/METADATA", f"Name: putback\n\n{text}{'x' * length}{links}")
        assert len(list(release().metadata_faults(wheel))) == expected


def test_actions_of_others_are_named_by_their_commits() -> None:
    root = CI.parents[1]
    texts = [path.read_text(encoding="utf-8") for path in (root / "README.md", GUIDE, CI / "release.yml")]
    used = re.findall(r"uses: (\S+)@(\S+)(.*)", "\n".join(texts))
    assert len(used) >= 8
    for name, commit, said in used:
        assert re.fullmatch(r"[0-9a-f]{40}", commit) and re.match(r"  # v\d", said), name


def release() -> Any:
    """The script that makes a release, as a module."""
    spec = importlib.util.spec_from_file_location("release", CI / "release.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_component_of_gitlab(tmp_path: Path) -> None:
    spec, _, job = (CI / "gitlab-component.yml").read_text(encoding="utf-8").partition("\n---\n")
    assert set(re.findall(r"inputs\.(\w+)", job)) == set(re.findall(r"^    (\w+):$", spec, re.MULTILINE))
    filled = re.sub(r"\$\[\[ inputs\.\w+ \]\]", "x", job)
    (tmp_path / "job.yml").write_text(filled.replace("stage: x", "stage: test"), encoding="utf-8")
    check("vendor.gitlab-ci", tmp_path / "job.yml")


def test_the_pipeline_of_azure() -> None:
    check("vendor.azure-pipelines", CI / "azure-pipelines.yml")


def test_the_examples_of_the_guide(tmp_path: Path) -> None:
    github, component, gitlab, azure = blocks("yaml")
    for name, text in {"github": github, "component": component, "gitlab": gitlab, "azure": azure}.items():
        (tmp_path / f"{name}.yml").write_text(text, encoding="utf-8")
    check("vendor.github-workflows", tmp_path / "github.yml")
    check("vendor.gitlab-ci", tmp_path / "component.yml", tmp_path / "gitlab.yml")
    check("vendor.azure-pipelines", tmp_path / "azure.yml")
    assert azure == (CI / "azure-pipelines.yml").read_text(encoding="utf-8")


def test_the_commands_can_be_typed() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in [GUIDE, *CI.iterdir()])
    lines = re.findall(r"^\s*- (?:script: )?putback (check .*)$", text, re.MULTILINE)
    assert len(lines) >= 2
    for line in lines:
        name, *arguments = shlex.split(line)
        around = click.Context(group, **group.context_settings)  # as the command line has it: commands keep it
        command = group.get_command(around, name)
        assert command is not None
        command.make_context(name, arguments, parent=around)


def test_the_image_is_built_from_the_distribution_alone() -> None:
    text = (CI / "Dockerfile").read_text(encoding="utf-8")
    images = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert images == ["debian:trixie-slim"] * 2
    assert "curl" not in text and "ADD http" not in text


def test_the_extension_of_vs_code_names_what_it_uses() -> None:
    folder = CI.parent / "editors" / "vscode"
    package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    code = (folder / package["main"]).read_text(encoding="utf-8")
    assert set(re.findall(r'require\("([\w-]+)', code)) == {"vscode", *package["dependencies"]}
    [setting] = package["contributes"]["configuration"]["properties"]
    assert [f"putback.{name}" for name in re.findall(r'\.get\("(\w+)"\)', code)] == [setting]
