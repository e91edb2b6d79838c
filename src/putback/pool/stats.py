"""Numbers about a pool, the same for ours and for real ones."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from putback.pool.lease import Place

RECENT_WAITS = 1024


@dataclass(frozen=True, slots=True)
class Durations:
    """How long something took. Seconds; the quantiles are of the last 1,024."""

    count: int = 0
    total: float = 0.0
    longest: float = 0.0
    median: float = 0.0
    p95: float = 0.0


@dataclass(frozen=True, slots=True)
class PoolStats:
    """One moment of a pool. None: the pool does not say."""

    library: str
    min: int
    max: int | None
    """Connections without overflow; None: no limit."""
    max_overflow: int | None
    """Connections allowed beyond `max`; None: no limit."""
    available: int
    """Open and idle."""
    in_use: int
    total: int
    """Open now: available, in use and, in our pool, those being opened or closed."""
    overflow: int
    """Open beyond `max`."""
    waiters: int | None
    sites: dict[str, int] = field(default_factory=dict)
    """How many connections are lent at which place of the code; the most first."""
    holders: dict[str, int] = field(default_factory=dict)
    """The same for a pool that is watched: health shows them."""
    held: tuple[dict[str, Any], ...] = ()
    """Of a pool that is watched, each place with its wrappers, number, age and who, as data."""
    waits: Durations | None = None
    """How long requests waited that had to; of a pool that is watched, how long each took to get a connection."""
    uses: Durations | None = None
    """How long connections were held that came back."""
    creations: Durations | None = None
    """How long it took to open connections."""
    acquired: int | None = None
    timeouts: int | None = None
    """Requests that waited in vain."""
    refused: int | None = None
    """Requests that got nothing, for whatever reason."""
    unfinished: dict[str, int] = field(default_factory=dict)
    """How many connections came back inside an open transaction, by the place that took them."""
    leaked: int | None = None
    """Lent connections that were garbage-collected and whose slots are lost."""
    suspected: int | None = None
    """Connections held longer than the leak threshold."""

    @property
    def size(self) -> int | None:
        """SQLAlchemy's word for `max`."""
        return self.max

    @property
    def capacity(self) -> int | None:
        """The most connections that can be lent at a time; None: no limit."""
        return None if self.max is None or self.max_overflow is None else self.max + self.max_overflow

    @property
    def free(self) -> int | None:
        """How many can still be had without waiting; None: no limit."""
        return None if self.capacity is None else max(0, self.capacity - self.in_use)

    @property
    def utilization(self) -> float:
        """The part of the capacity that is lent, from 0 to 1; 0 without a limit."""
        return self.in_use / self.capacity if self.capacity else 0.0


class Timings:
    """Durations that are still being collected. They are added up when somebody asks, or when they have become many:
    `add` is called for every check-out."""

    __slots__ = ("_count", "_longest", "_new", "_summing", "_total", "listeners", "note", "recent")

    def __init__(self) -> None:
        self._count = 0
        self._total = self._longest = 0.0
        self._new: list[float] = []
        self._summing = Lock()
        self.note = self._new.append
        """As `add`, for whoever calls `settle` now and then himself."""
        self.recent: deque[float] = deque(maxlen=RECENT_WAITS)
        self.listeners: list[Callable[[Sequence[float]], None]] = []
        """They get each duration once, many at a time."""

    def add(self, seconds: float) -> None:
        self._new.append(seconds)
        self.settle()

    def settle(self) -> None:
        """Add up what is new, if it has become much."""
        if len(self._new) > RECENT_WAITS:
            self._add_up()

    def _add_up(self) -> None:
        if not self._summing.acquire(blocking=False):
            return  # somebody is at it, perhaps in this very thread, in front of a signal
        try:
            new = self._new[:]
            del self._new[: len(new)]  # what others note meanwhile stays
            self._count += len(new)
            self._total += sum(new)
            self._longest = max(self._longest, *new)
            self.recent.extend(new)
            for listener in self.listeners:
                listener(new)
        finally:
            self._summing.release()

    def summary(self) -> Durations:
        if self._new:
            self._add_up()
        ordered = sorted(self.recent)
        if not ordered:
            return Durations()
        last = len(ordered) - 1
        return Durations(self._count, self._total, self._longest, ordered[last // 2], ordered[round(last * 0.95)])


class Tally:
    """What a pool counts while it works; changed under the pool's lock."""

    __slots__ = ("acquired", "creations", "refused", "timeouts", "unfinished", "uses", "waits")

    def __init__(self) -> None:
        self.acquired = self.timeouts = self.refused = 0
        self.waits, self.uses, self.creations = Timings(), Timings(), Timings()
        self.unfinished: Counter[Place] = Counter()
