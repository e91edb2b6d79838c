"""A release of putback: checks all that a release needs, builds it into dist/, and sets the tag. One command:

    python docs/ci/release.py           # checks, builds, and sets the tag v1.2.3 of the version in pyproject.toml
    python docs/ci/release.py --check   # the same without the tag, as the workflow that publishes does

It says everything that is missing, not only the first. It pushes nothing: that is said at the end, to be typed.
"""

from __future__ import annotations

import email
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "dist"
MOST_METADATA = 15_000  # bytes: the page of a package is to be read
EXAMPLE = "fixtures/projects/shop"
LEAST_FINDINGS = 8


def main(arguments: list[str]) -> int:
    """Check, build, try, and set the tag."""
    if not set(arguments) <= {"--check"}:
        print(__doc__)
        return 2
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    tag = f"v{project['version']}"
    wrong = [*faults(project, ROOT), *repository_faults(tag)]
    with tempfile.TemporaryDirectory() as folder:
        wrong += built_faults(Path(folder), project["version"])
    for each in wrong:
        print(f"missing: {each}")
    if wrong:
        return 1
    print(f"ready: {', '.join(sorted(path.name for path in DIST.iterdir()))}")
    if not arguments:
        run("git", "tag", "-a", tag, "-m", f"putback {project['version']}")
        print(f"tagged; to publish: git push origin {tag}")
    return 0


def faults(project: dict[str, Any], root: Path) -> Iterator[str]:
    """What the texts of the repository lack."""
    version = project["version"]
    source = (root / "src" / "putback" / "model" / "version.py").read_text(encoding="utf-8")
    if f'VERSION = "{version}"' not in source:
        yield f"VERSION in src/putback/model/version.py is not {version}"
    changes = re.findall(r"^## (.*)$", (root / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    if not changes or not re.fullmatch(re.escape(version) + r" \(\d{4}-\d\d-\d\d\)", changes[0]):
        yield f'CHANGELOG.md begins with "## {changes[0] if changes else ""}", not with "## {version} (YEAR-MONTH-DAY)"'
    urls = project.get("urls", {})
    if not urls.get("Source", "").startswith("https://"):
        yield '"Source" in [project.urls] of pyproject.toml, an https address'
    site = (root / "src" / "putback" / "model" / "site.py").read_text(encoding="utf-8")
    (address,) = re.findall(r'^ADDRESS = "(.*)"$', site, re.MULTILINE)
    if urls.get("Documentation", "") != address:
        yield f'"Documentation" in [project.urls] is not ADDRESS of src/putback/model/site.py ("{address}")'


def repository_faults(tag: str) -> Iterator[str]:
    """What git says against a release."""
    if run("git", "status", "--porcelain"):
        yield "a commit: there are changes"
    tagged = run("git", "tag", "--list", tag)
    if tagged and run("git", "rev-list", "-n", "1", tag) != run("git", "rev-parse", "HEAD"):
        yield f"a new version: {tag} is another commit"


def built_faults(folder: Path, version: str) -> Iterator[str]:
    """Build, and say what is wrong with what was built, or with the wheel in an environment that has nothing else."""
    tools = environment(folder / "tools", "build", "twine")
    shutil.rmtree(DIST, ignore_errors=True)
    run(tools, "-m", "build", "--outdir", str(DIST), str(ROOT))
    run(tools, "-m", "twine", "check", "--strict", *map(str, DIST.iterdir()))
    (wheel,) = DIST.glob("*.whl")
    yield from metadata_faults(wheel)
    bare = environment(folder / "bare", str(wheel))
    said = run(bare, "-m", "putback", "version")
    if said != f"putback {version}":
        yield f"the wheel calls itself {said}"
    shown = run(bare, "-m", "putback", "check", "--no-cache", "--exit-zero", "--output-format", "concise", EXAMPLE)
    found = len(re.findall(r"^\S+:\d+:\d+: PB\d+ ", shown, re.MULTILINE))
    if found < LEAST_FINDINGS:
        yield f"the wheel finds {found} leaks in {EXAMPLE}"


def metadata_faults(wheel: Path) -> Iterator[str]:
    """What is wrong with what an index shows of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        data = archive.read(name)
    if len(data) > MOST_METADATA:
        yield f"the metadata is {len(data):,} bytes long, {MOST_METADATA:,} at most"
    if re.search(r"\]\((?!https?:|#)", email.message_from_bytes(data).get_payload()):
        yield "the description has a link that leads nowhere on an index"


def environment(folder: Path, *packages: str) -> str:
    """The interpreter of a new environment with some packages in it."""
    run(sys.executable, "-m", "venv", str(folder))
    python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    run(python, "-m", "pip", "install", "--quiet", *packages)
    return python


def run(*command: str) -> str:
    """What a command prints; one that fails ends the release with what it said."""
    apart = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=ROOT, env=apart, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
