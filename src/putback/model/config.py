"""The settings of a run, after files, environment and command line have been merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from putback.model.defaults import DEFAULT_EXCLUDE
from putback.model.finding import Confidence, Severity


@dataclass(frozen=True, slots=True)
class Config:
    """What to look at, what to report and how sure to be.

    `root` is the absolute directory of the configuration file (or the working directory): patterns in
    `exclude` and `per_file_ignores` are gitignore patterns relative to it. `select` and `ignore` hold
    codes, code prefixes, kebab-case names or `ALL`; `extend-ignore` is merged into `ignore`, `extend-exclude`
    into `exclude`. `file` is the configuration file ("" without one). `drivers` holds the user's own driver
    tables, raw, in the schema of the built-in ones. `gates` off analyses every file in full (slow; for comparing).
    """

    root: str = ""
    file: str = ""
    select: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = DEFAULT_EXCLUDE
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    severity: Mapping[str, Severity] = field(default_factory=dict)
    min_confidence: Confidence = Confidence.MEDIUM
    min_severity: Severity = Severity.INFO
    respect_gitignore: bool = True
    force_exclude: bool = False
    drivers: Mapping[str, Any] = field(default_factory=dict)
    jobs: int = 0
    gates: bool = True
