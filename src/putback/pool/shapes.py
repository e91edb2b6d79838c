"""A pool's numbers and health as JSON, in the shapes that dashboards and scripts already read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from putback.pool.adapters import Identity
from putback.pool.health import Health
from putback.pool.stats import PoolStats

Json = dict[str, Any]


def connections(stats: PoolStats) -> Json:
    """psycopg2's words. `max_connections` may be out at a time, overflow included: of these, `in_use` are and
    `available` can still be had without waiting. `total` are open now."""
    return {
        "min_connections": stats.min,
        "max_connections": stats.capacity,
        "available": stats.free,
        "in_use": stats.in_use,
        "total": stats.total,
    }


def database_health(health: Health) -> Json:
    """The whole application's health, the database being all of it that is known here."""
    return {
        "status": health.status.value,
        "database": {"status": "connected", "pool": connections(health.stats)},
    }


def pool_health(health: Health) -> Json:
    """The pool's health with warnings and advice; of a watched pool also which place holds how many."""
    limits = health.thresholds
    stats = health.stats
    holders = {"holders": stats.holders, "held": list(stats.held), "waiters": stats.waiters} if stats.holders else {}
    return {
        "status": health.status.value,
        **holders,
        "pool_stats": connections(health.stats),
        "warnings": list(health.warnings),
        "recommendations": {
            "optimal_range": f"{limits.advice:.0%} to {limits.warning:.0%} in use at peak",
            "current_config": f"min={health.stats.min}, max={health.stats.max}",
            "advice": list(health.recommendations),
        },
    }


def pool_status(health: Health, identity: Identity, now: datetime) -> Json:
    """SQLAlchemy's words, with the time and what kind of pool it is."""
    stats = health.stats
    return {
        "status": health.status.value,
        "timestamp": now.isoformat(timespec="seconds"),
        "pool": {
            "pool_size": stats.max,
            "checked_out": stats.in_use,
            "checked_in": stats.available,
            "overflow": stats.overflow,
            "available": stats.free,
            "status": health.status.value,
        },
        "warnings": list(health.warnings),
        "details": {"engine": {"driver": identity.driver, "pool_class": identity.pool_class}},
    }


def queue_status(stats: PoolStats) -> Json:
    """QueuePool's numbers alone."""
    return {
        "size": stats.max,
        "checked_in": stats.available,
        "checked_out": stats.in_use,
        "overflow": stats.overflow,
        "total": stats.total,
    }
