"""Finding connections that are held too long, or that nobody holds any more.

As HikariCP's leakDetectionThreshold: one warning for each check-out, and a word when it comes back after all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from putback.pool.incidents import Incidents, Kind
from putback.pool.lease import Frame, Lease


@dataclass(frozen=True, slots=True)
class Suspect:
    """A check-out that is older than the threshold. `age` in seconds; `collected`: its object is gone."""

    slot: int
    age: float
    holder: str
    stack: tuple[Frame, ...]
    collected: bool


class LeakDetector:
    """Watches the leases of one pool. Without a threshold it never finds anything to do."""

    def __init__(self, threshold: float | None, incidents: Incidents) -> None:
        self.threshold = threshold
        self.due = math.inf
        """The earliest moment at which some lease can be too old; until then there is nothing to check."""
        self._incidents = incidents

    def began(self, lease: Lease) -> None:
        """A check-out. The first one decides when to look; later ones are younger."""
        if self.threshold is not None and self.due == math.inf:
            self.due = lease.since + self.threshold

    def check(self, leases: Iterable[Lease], now: float) -> None:
        """Report each lease that has become too old, once."""
        if self.threshold is None:
            return
        fresh = [lease for lease in leases if not lease.reported]
        old = [lease for lease in fresh if now >= lease.since + self.threshold]
        self.due = min((lease.since + self.threshold for lease in fresh if lease not in old), default=math.inf)
        for lease in old:
            lease.reported = True
            self._incidents.report(
                Kind.HELD_TOO_LONG,
                f"possible leak: connection {lease.slot} is held for {now - lease.since:.1f} s by {lease.holder} "
                f"(the threshold is {self.threshold:g} s)",
                lease,
            )

    def ended(self, lease: Lease, now: float) -> None:
        """A check-out is over."""
        if lease.reported:
            self._incidents.report(
                Kind.RETURNED_AFTER_ALL,
                f"connection {lease.slot} was returned after all, after {now - lease.since:.1f} s: no leak",
                lease,
            )

    def collected(self, lease: Lease, now: float, reclaimed: bool) -> None:
        """The borrower's object was garbage-collected before it was given back."""
        lease.collected = True
        fate = "taken back" if reclaimed else "its slot is lost until the pool is closed"
        self._incidents.report(
            Kind.COLLECTED,
            f"leak: connection {lease.slot} was garbage-collected while lent, {now - lease.since:.1f} s after "
            f"{lease.holder} took it; {fate}",
            lease,
        )


def suspects(leases: Iterable[Lease], now: float, age: float) -> list[Suspect]:
    """The check-outs of at least this age in seconds, and the collected ones; the oldest first."""
    found = [lease for lease in leases if lease.collected or now - lease.since >= age]
    return [
        Suspect(lease.slot, now - lease.since, lease.holder, tuple(lease.stack), lease.collected)
        for lease in sorted(found, key=lambda lease: lease.since)
    ]
