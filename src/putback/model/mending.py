"""What fixing has to know of a rule."""

from __future__ import annotations

from dataclasses import dataclass

from putback.model.finding import Finding, Severity
from putback.model.fix import Applicability


@dataclass(frozen=True, slots=True)
class Mending:
    """How the findings of a rule behave while others are mended.

    `matter`: what several rules speak about, the most specific of them: after a fix of something else that may be
    another; "" where it is the rule alone. `keeps_acquire`: its fixes leave the acquire as it is. `about_making`: its
    findings stand at a call that makes a pool or a registry, which fixes of such rules change. `harmless`: how severe a
    finding of it may be that comes with a fix. `waits`: one that has no fix may get one when what its path leads
    through is mended. `follows`: one may come with a fix if it has a safe one itself, which the next round applies.
    `succeeds`: its fixes put another library's pool in the place, so that all that takes its
    connections has to run as before.
    """

    matter: str = ""
    keeps_acquire: bool = False
    about_making: bool = False
    harmless: frozenset[Severity] = frozenset()
    waits: bool = False
    follows: bool = False
    succeeds: bool = False

    def may_come(self, finding: Finding) -> bool:
        """Whether a finding of the rule may come with a fix."""
        is_mended_next = finding.fix is not None and finding.fix.applicability is Applicability.SAFE
        return finding.severity in self.harmless or (self.follows and is_mended_next)


LEAK = Mending("leak", keeps_acquire=True)
MAKING = Mending(about_making=True)
SUCCEEDING = Mending(about_making=True, succeeds=True)
HARMLESS = Mending(harmless=frozenset(Severity))
