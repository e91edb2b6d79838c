"""What a run over directories found, kept for the next one: it may want it in another format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from msgspec import MsgspecError
from msgspec.msgpack import Decoder, Encoder

from putback.cli.remembered import Memory, entry_name
from putback.model.config import Config
from putback.model.report import CheckResult


def name_of(paths: Sequence[str], config: Config) -> str:
    """The name of the entry for what is found at and below some paths with these settings."""
    plain = Config()
    found_with = replace(config, jobs=plain.jobs, cache="", fail_on=plain.fail_on, show_info=plain.show_info)
    return entry_name("result", [*paths, "", ascii(found_with)])


def packed(result: CheckResult) -> bytes:
    """A result as it is kept; nothing where a name in it is no text."""
    try:
        return Encoder().encode(result)
    except (UnicodeEncodeError, MsgspecError):
        return b""


def recalled(memory: Memory, paths: Sequence[str], config: Config) -> CheckResult | None:
    """What an earlier run found, if everything is as it was."""
    content = memory.recall(name_of(paths, config))
    try:
        return Decoder(CheckResult).decode(content) if content else None
    except MsgspecError:
        return None
