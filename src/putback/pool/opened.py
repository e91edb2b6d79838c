"""The open connections of a pool, by slot."""

from __future__ import annotations

from typing import Any

from putback.pool.driver import Session


class Opened:
    """Which connection is in which slot, since when, and how its session was. Changed under the pool's lock."""

    __slots__ = ("_born", "_slots", "raws", "sessions")

    def __init__(self) -> None:
        self.raws: dict[int, Any] = {}
        """The driver's connections."""
        self._born: dict[int, float] = {}
        self.sessions: dict[int, Session] = {}
        """How each session was when it was opened, or last noted."""
        self._slots: dict[int, int] = {}

    def add(self, slot: int, raw: Any, session: Session, now: float) -> None:
        """A connection was opened, with this session."""
        self.raws[slot] = raw
        self._born[slot] = now
        self._slots[id(raw)] = slot
        self.sessions[slot] = session

    def remove(self, slot: int) -> Any:
        """A connection is about to be closed. None if there is none."""
        raw = self.raws.pop(slot, None)
        if raw is not None:
            del self._born[slot], self.sessions[slot]
            if self._slots.get(id(raw)) == slot:  # a `connect` may give one connection twice
                del self._slots[id(raw)]
        return raw

    def slot_of(self, raw: Any) -> int:
        """By its identity, for those who give back the driver's own object; 0 for what is none of these."""
        return self._slots.get(id(raw), 0)

    def age(self, slot: int, now: float) -> float:
        """Seconds since it was opened."""
        return now - self._born[slot]
