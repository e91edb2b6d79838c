"""What each setting means, and the JSON Schema of `[tool.putback]` made of it, as editors and SchemaStore use it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from putback.model.config import Config, FixStyle
from putback.model.finding import Confidence, Severity
from putback.source.settings import DEPLOYMENT, KEYS

SHIPPED = Path(__file__).parents[1] / "putback.schema.json"
ADDRESS = "https://json.schemastore.org/putback.json"

MEANINGS: Mapping[str, str] = {
    "extend": "A configuration file whose settings hold where this one says nothing; relative to this file.",
    "required-version": "The versions of putback that this configuration is for, such as `>=0.1,<1`.",
    "select": "Rules to run: codes, prefixes of codes, names or ALL. Without it all run; an empty list runs none.",
    "extend-select": "Rules to run on top of those.",
    "ignore": "Rules not to run.",
    "extend-ignore": "Rules not to run on top of `ignore`, also of the one in the file that this one extends.",
    "exclude": "Files and folders to leave out, as gitignore patterns relative to this file. Replaces the defaults.",
    "extend-exclude": "Files and folders to leave out on top of those.",
    "per-file-ignores": "Rules not to run in some files: gitignore patterns, each with a list of rules.",
    "severity": "How severe the findings of a rule are, whatever it says itself.",
    "min-confidence": "Findings that are less sure are left out.",
    "min-severity": "Milder findings are left out.",
    "fail-on": "The mildest severity that makes the exit code 1.",
    "show-info": "Show and fix hints (severity info) as well.",
    "respect-gitignore": "Leave out what git ignores.",
    "force-exclude": "Exclude files even if they are named on the command line.",
    "drivers": "Libraries that putback does not know, each described as its own driver tables are.",
    "wrappers": "Functions, by full name, that take a connection (`acquire`) and that give it back (`release`).",
    "fixable": "Rules whose findings may be fixed.",
    "unfixable": "Rules whose findings are left alone.",
    "extend-safe-fixes": "Rules whose fixes are applied without asking for unsafe ones.",
    "extend-unsafe-fixes": "Rules whose fixes count as unsafe.",
    "unsafe-fixes": "Also apply fixes that may change what the program does.",
    "fix-style": "The shape of a fix: a `finally`, a `with` where that releases, or explicit: rollback and cursor too.",
    "baseline": "The file of what is known and not reported, relative to this file.",
    "deployment": "Processes, and what the database takes: for `putback budget` and PB406.",
    "jobs": "Processes to use; 0: one per processor.",
}

LIST: Mapping[str, Any] = {"type": "array", "items": {"type": "string"}}
SWITCH: Mapping[str, Any] = {"type": "boolean"}
TEXT: Mapping[str, Any] = {"type": "string"}
NUMBER: Mapping[str, Any] = {"type": "integer", "minimum": 0}


def choice(kind: type[Enum]) -> Mapping[str, Any]:
    """One of the values of `kind`."""
    return {"enum": [each.value for each in kind]}


SHAPES: Mapping[str, Mapping[str, Any]] = {
    **dict.fromkeys(("extend", "required-version", "baseline"), TEXT),
    **dict.fromkeys(("show-info", "respect-gitignore", "force-exclude", "unsafe-fixes"), SWITCH),
    "per-file-ignores": {"type": "object", "additionalProperties": LIST},
    "severity": {"type": "object", "additionalProperties": choice(Severity)},
    "min-confidence": choice(Confidence),
    "min-severity": choice(Severity),
    "fail-on": choice(Severity),
    "fix-style": choice(FixStyle),
    "drivers": {"type": "object", "additionalProperties": {"type": "object"}},
    "wrappers": {"type": "object", "properties": {"acquire": LIST, "release": LIST}, "additionalProperties": False},
    "deployment": {
        "type": "object",
        "properties": dict.fromkeys(DEPLOYMENT, NUMBER),
        "additionalProperties": False,
    },
    "jobs": NUMBER,
}


def schema() -> Mapping[str, Any]:
    """The JSON Schema of the table."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": ADDRESS,
        "title": "putback",
        "description": "Settings of putback: [tool.putback] in pyproject.toml, or the top level of putback.toml.",
        "type": "object",
        "additionalProperties": False,
        "properties": {name: one(name) for name in KEYS},
    }


def one(name: str) -> Mapping[str, Any]:
    """The schema of one setting."""
    default = default_of(name)
    shown = {} if default is None else {"default": default}
    return {"description": MEANINGS[name], **SHAPES.get(name, LIST), **shown}


def default_of(name: str) -> Any:
    """What holds where a setting is not given; None where that is nothing."""
    value = getattr(Config(), name.replace("-", "_"), None)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Sequence) and not isinstance(value, str):
        return list(value) if name != "select" else None
    return value if value not in ("", {}) else None


def as_text() -> str:
    """The schema as it is shipped."""
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    SHIPPED.write_text(as_text(), encoding="utf-8")
