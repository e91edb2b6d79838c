"""The settings of a run, after files, environment and command line have been merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from putback.model.defaults import DEFAULT_EXCLUDE
from putback.model.finding import Confidence, Severity


class FixStyle(Enum):
    """The shape that a fix gives to a release.

    TRY_FINALLY: a `finally`. WITH: a `with` where the driver's `with` really releases. EXPLICIT: a `finally` that says
    everything: it closes the cursor, then gives back, each `if` it is there, and handlers roll back.
    """

    TRY_FINALLY = "try-finally"
    WITH = "with"
    EXPLICIT = "explicit"


@dataclass(frozen=True, slots=True)
class Config:
    """What to look at, what to report and how sure to be.

    `root` is the absolute directory of the configuration file (or the working directory): patterns in `exclude` and
    `per_file_ignores` are gitignore patterns relative to it. `select` and `ignore` hold codes, code prefixes,
    kebab-case names or `ALL`; `extend-ignore` is merged into `ignore`, `extend-exclude` into `exclude`. `file` is the
    configuration file ("" without one), `extended` the files that it builds on. `drivers` holds the user's own driver
    tables, raw, in the schema of the built-in ones. `gates` off analyses every file in full (slow; for comparing).
    `fixable` and `unfixable` select the rules whose fixes are offered, `extend_safe_fixes` and `extend_unsafe_fixes`
    those whose fixes count as safe or as unsafe whatever they say of themselves; `unsafe_fixes` applies unsafe ones.
    `deployment` says how many processes there are and how many connections the database takes.
    `baseline` is the file of what is known, relative to `root` ("": the usual one). A finding as bad as `fail_on` makes
    the exit code 1; those of severity info are shown and fixed with `show_info`. `cache` is the folder in which what is
    found out about the project is kept for the next run ("": nowhere).
    """

    root: str = ""
    file: str = ""
    extended: tuple[str, ...] = ()
    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = DEFAULT_EXCLUDE
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    severity: Mapping[str, Severity] = field(default_factory=dict)
    min_confidence: Confidence = Confidence.MEDIUM
    min_severity: Severity = Severity.INFO
    fail_on: Severity = Severity.WARNING
    show_info: bool = False
    respect_gitignore: bool = True
    force_exclude: bool = False
    drivers: Mapping[str, Any] = field(default_factory=dict)
    fixable: tuple[str, ...] = ("ALL",)
    unfixable: tuple[str, ...] = ()
    extend_safe_fixes: tuple[str, ...] = ()
    extend_unsafe_fixes: tuple[str, ...] = ()
    unsafe_fixes: bool = False
    fix_style: FixStyle = FixStyle.TRY_FINALLY
    baseline: str = ""
    jobs: int = 0
    deployment: Mapping[str, int] = field(default_factory=dict)
    gates: bool = True
    cache: str = ""
