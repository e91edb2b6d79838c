"""How the findings of rules read on foreign code: what is shown by default there, read one by one against the code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """Of the shown findings of some rules, in repositories that were chosen before: worth acting on, true but idle,
    wrong."""

    codes: tuple[str, ...]
    right: int
    idle: int
    wrong: int

    @property
    def all(self) -> int:
        """How many were read."""
        return self.right + self.idle + self.wrong


DATE = "2026-11-24"
REPOSITORIES = 58
READINGS = (
    Reading(("PB101",), 13, 6, 3),
    Reading(("PB102",), 42, 37, 2),
    Reading(("PB103",), 14, 4, 0),
    Reading(("PB109",), 12, 0, 2),
    Reading(("PB107", "PB108", "PB111"), 1, 1, 2),
    Reading(("PB201",), 26, 9, 3),
    Reading(("PB202",), 10, 37, 5),
    Reading(("PB403",), 1, 8, 6),
    Reading(("PB401", "PB402", "PB407"), 4, 2, 0),
    Reading(("PB303", "PB308"), 5, 1, 0),
)
"""Before the table of "How it decides" was there, which answers for what was idle then."""


def reading_of(code: str) -> str:
    """A sentence for the page of a rule; "" for one of which none was shown."""
    found = next((each for each in READINGS if code in each.codes), None)
    if found is None:
        return ""
    others = [each for each in found.codes if each != code]
    together = f", together with {' and '.join(others)}" if others else ""
    return (
        f"On foreign code ({REPOSITORIES} repositories, read on {DATE}{together}): of {found.all} findings shown, "
        f"{found.right} were worth acting on, {found.idle} true but idle, {found.wrong} wrong."
    )
