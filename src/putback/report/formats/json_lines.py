"""One JSON object a line, with the keys of the format json."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from putback.model.report import Report
from putback.report import Traits
from putback.report.formats.json import counts, finding_to_dict

TRAITS = Traits(complete=True, document=False, names=(".jsonl", ".ndjson"))


def render(report: Report) -> str:
    """Every finding with all it carries."""
    return as_lines(map(finding_to_dict, report.findings))


def statistics(report: Report) -> str:
    """One object a rule, the most frequent first."""
    return as_lines(counts(report))


def as_lines(items: Iterable[dict[str, Any]]) -> str:
    """Each item on a line of its own, in ASCII."""
    return "".join(json.dumps(each, separators=(", ", ": ")) + "\n" for each in items)
