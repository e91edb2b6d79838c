"""`putback clean`: remove the cache."""

from __future__ import annotations

import os
import shutil

import click

from putback.model.errors import UsageError
from putback.source import cache, settings


@click.command("clean")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
def command(paths: tuple[str, ...]) -> None:
    """Remove the cache of the project around PATHS (the working directory)."""
    where = paths or (".",)
    root = settings.load(where).root
    tops = dict.fromkeys((root, settings.common_directory(where), os.getcwd()))
    folders = [folder for top in tops if (folder := cache.folder(top)) and is_ours(folder)]
    for folder in dict.fromkeys(folders):
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise UsageError(f"{folder} cannot be removed: {error.strerror or error}") from error
        click.echo(f"Removed {os.path.relpath(folder)}.")
    if not folders:
        click.echo("There is no cache.")


def is_ours(folder: str) -> bool:
    """Whether a folder is one that putback keeps its cache in, and no link."""
    try:
        with open(os.path.join(folder, "CACHEDIR.TAG"), encoding="utf-8") as file:
            return file.read() == cache.TAG and not os.path.islink(folder)
    except (OSError, UnicodeDecodeError):
        return False
