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


DATE = "2026-11-25"
REPOSITORIES = 70
READINGS = (
    Reading(("PB101",), 8, 7, 0),
    Reading(("PB102",), 29, 9, 0),
    Reading(("PB103",), 0, 2, 0),
    Reading(("PB107", "PB111"), 7, 0, 0),
    Reading(("PB109",), 23, 0, 0),
    Reading(("PB201",), 3, 4, 2),
    Reading(("PB202",), 5, 3, 10),
    Reading(("PB302",), 0, 1, 0),
    Reading(("PB303",), 3, 0, 0),
    Reading(("PB306",), 0, 12, 0),
    Reading(("PB401",), 6, 4, 0),
)
"""Before their causes were mended: of what is wrong, eight of PB202 come of one engine with AUTOCOMMIT."""


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
