"""How full a pool is while the same requests are served, before a fix and after it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Occupancy:
    """Connections of a pool of `size` taken after each request, and how many requests found it exhausted."""

    size: int
    before: tuple[int, ...]
    after: tuple[int, ...]
    refused_before: int
    refused_after: int
