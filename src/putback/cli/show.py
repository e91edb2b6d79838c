"""Settings as the user could write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from enum import Enum
from typing import Any

from putback.model.config import Config

INTERNAL = ("root", "file", "extended", "gates", "cache")


def as_toml(config: Config) -> str:
    """`config` as the content of a putback.toml."""
    origin = config.file or "no configuration file"
    lines = [f"# {origin}", f"# patterns are relative to {config.root}"]
    tables = []
    for field in fields(config):
        if field.name in INTERNAL:
            continue
        key, value = field.name.replace("_", "-"), getattr(config, field.name)
        if value is None:
            continue
        if isinstance(value, Mapping):
            tables.extend([f"{key} = {inline(value)}"] if value else [])
        else:
            lines.append(f"{key} = {inline(value)}")
    return "\n".join([*lines, *tables]) + "\n"


def inline(value: Any) -> str:
    """`value` as a TOML value on one line."""
    if isinstance(value, Enum):
        return inline(value.value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{inline(str(key))} = {inline(each)}" for key, each in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(inline(each) for each in value) + "]"
    return json.dumps(value, ensure_ascii=False)
