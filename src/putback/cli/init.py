"""`putback init`: the first configuration and the hook, shown before they are written."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import click

from putback.model.defaults import CONFIG_FILES, PROJECT_FILE
from putback.model.errors import UsageError
from putback.model.printable import harmless_lines
from putback.source import settings

HOOKS = ".pre-commit-config.yaml"
SETTINGS = """\
# connection leaks: putback config lists what can be set
fail-on = "warning"
extend-exclude = []
"""
HOOK = """\
  - repo: local
    hooks:
      - id: putback
        name: putback
        entry: putback check --force-exclude
        language: system
        types_or: [python, pyi]
        require_serial: true
"""


@dataclass(frozen=True, slots=True)
class Addition:
    """Text to be put at the end of a file."""

    path: str
    text: str


@click.command("init")
@click.option("-y", "--yes", is_flag=True, help="Write without asking.")
def command(yes: bool) -> None:
    """Write a first configuration and a hook for pre-commit into the working directory, after showing them.

    Nothing that is there is changed: what has a configuration or the hook already is left alone.
    """
    wanted = [*configuration(), *hook()]
    for each in wanted:
        verb = "to be added to" if os.path.exists(each.path) else "to be created:"
        click.echo(harmless_lines(f"{verb} {each.path}\n\n{indented(each.text)}"))
    if not wanted:
        click.echo("There is nothing to do: configuration and hook are there.")
        return
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                "nothing was written: standard input is no terminal to ask on; --yes writes without asking"
            )
        if not click.confirm("Write this?"):
            return
    for each in wanted:
        try:
            with open(each.path, "a", encoding="utf-8") as file:
                file.write(each.text)
        except OSError as error:
            raise UsageError(f"{each.path} cannot be written: {error.strerror or error}") from error
        click.echo(f"Wrote {each.path}.")
    click.echo("Next: putback check, then putback fix --diff, or putback baseline to begin with new code only.")


def configuration() -> Iterator[Addition]:
    """The settings, in pyproject.toml where there is one; nothing where there are some."""
    here = settings.nearest(os.getcwd())
    if here is not None and here.root == os.getcwd():
        return
    if os.path.exists(PROJECT_FILE):
        yield Addition(PROJECT_FILE, f"{line_end(PROJECT_FILE)}\n[tool.putback]\n{SETTINGS}")
    else:
        yield Addition(CONFIG_FILES[0], SETTINGS)


def hook() -> Iterator[Addition]:
    """The hook, where pre-commit is in use and its list of repositories ends the file; a new file in a repository."""
    if not os.path.exists(HOOKS):
        if os.path.exists(".git"):
            yield Addition(HOOKS, f"repos:\n{HOOK}")
        return
    with open(HOOKS, encoding="utf-8") as file:
        rows = file.read().splitlines()
    if any("putback" in row for row in rows):
        return
    heads = [row for row in rows if row[:1].isalpha()]
    items = [row for row in rows if row.lstrip().startswith("- repo:")]
    if heads and heads[-1].startswith("repos:") and items and all(row.startswith("  - repo:") for row in items):
        yield Addition(HOOKS, f"{line_end(HOOKS)}{HOOK}")
    else:
        click.echo(f"The hook for {HOOKS}, to be put into its list `repos`:\n\n{indented(HOOK)}")


def line_end(path: str) -> str:
    """What is missing at the end of a file: a line end, or nothing."""
    with open(path, "rb") as file:
        content = file.read()
    return "\n" if content and not content.endswith(b"\n") else ""


def indented(text: str) -> str:
    """`text` set off from what is said about it."""
    return "".join(f"    {row}\n" if row else "\n" for row in text.splitlines())
