"""Every error that putback raises on purpose; each message names the thing, the number and the remedy."""

from __future__ import annotations


class PutbackError(Exception):
    """Base of all errors that end a run with exit code 2 and one clear line."""


class UsageError(PutbackError):
    """The command line asks for something that does not exist or does not go together."""


class ConfigError(PutbackError):
    """A configuration file or table is unreadable or says something that putback does not know."""


class DriverTableError(ConfigError):
    """A driver or framework table, built in or the user's, does not fit the schema."""


class SourceError(PutbackError):
    """One file cannot be read or parsed. `row` and `column` count from 1."""

    def __init__(self, message: str, row: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.row = row
        self.column = column


class SandboxError(PutbackError):
    """The process that runs code under test does not start, or gives no answer."""


class SpliceError(PutbackError):
    """Edits that cannot be applied to a text, or that break it."""


class WriteError(PutbackError):
    """A file was not written and is as it was; the message says why."""


class Overtaken(WriteError):
    """Somebody else has changed the file since it was read."""
