"""The group of commands; a command's module is loaded when it is called."""

from __future__ import annotations

import os
from importlib import import_module

import click

from putback.cli import streams
from putback.model.errors import PutbackError
from putback.model.printable import harmless
from putback.source.selection import did_you_mean

COMMANDS = (
    "check",
    "fix",
    "verify",
    "budget",
    "baseline",
    "rule",
    "config",
    "init",
    "completion",
    "clean",
    "server",
    "version",
)


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports only the one that runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help page."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command called `cmd_name`."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"putback.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a hint when the name is a path or nearly a command."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"no such command: {args[0]}{hint(args[0])}", ctx)
        return super().resolve_command(ctx, args)


def hint(word: str) -> str:
    """What the user may have meant by `word`."""
    if os.path.exists(word):
        return f"; did you mean putback check {word}?"
    return did_you_mean(word, COMMANDS)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda *given: print_version(*given),
    help="Print the version.",
)
def group() -> None:
    """Finds database connections that are taken and not given back."""


def print_version(ctx: click.Context, option: click.Parameter, wanted: bool) -> None:
    """Print the version and stop."""
    if wanted:
        from putback.cli.version import version

        click.echo(f"putback {version()}")
        ctx.exit()


def run(arguments: list[str]) -> int:
    """Run the command line and give the exit code: 0, 1, or 2 for all that went wrong."""
    streams.forgiving()
    given = ["--add-ignore=" if each == "--add-ignore" else each for each in arguments]  # its value is never a path
    try:
        code = group.main(given, prog_name="putback", standalone_mode=False, obj=tuple(arguments))
        streams.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return 2
    except PutbackError as error:
        click.echo(harmless(f"putback: error: {error}"), err=True)
        return 2
    except (click.Abort, KeyboardInterrupt):
        return 130
    except Exception as error:  # an exit code of 1 would say that leaks were found
        if isinstance(error, OSError) and streams.is_lost(error):
            return streams.given_up(error)
        from traceback import print_exc

        print_exc(limit=-12)
        click.echo("putback: internal error: this is a bug in putback, please report the lines above", err=True)
        return 2
