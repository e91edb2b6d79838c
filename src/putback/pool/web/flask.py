"""A Flask blueprint that shows a pool's health: install `putback[flask]`.

    app.register_blueprint(pool_blueprint(get_connection_pool), url_prefix="/api")

    GET /health            the application, with the pool's numbers
    GET /health/db         the pool: status, numbers, warnings, advice
    GET /health/db/test    takes a connection and runs a statement
    GET /db-pool-status    the same in SQLAlchemy's words

A pool that is critical, or a database that does not answer, is status 503.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint

from putback.pool.adapters import borrowed, health_of, identity_of
from putback.pool.health import Health, Status, Thresholds
from putback.pool.shapes import Json, database_health, pool_health, pool_status

Answer = tuple[Json, int]


def pool_blueprint(
    get_pool: Callable[[], Any],
    *,
    guard: Callable[[], None] | None = None,
    thresholds: Thresholds | None = None,
    name: str = "putback_pool",
) -> Blueprint:
    """Endpoints for what `get_pool` gives: our pool, psycopg2's, psycopg_pool's or a SQLAlchemy engine.

    `guard` runs before each of them but `/health`, and aborts the request of whoever may not see it.
    """

    def health() -> Answer:
        return _answer(database_health)

    def database() -> Answer:
        return _guarded(lambda: _answer(pool_health))

    def database_test() -> Answer:
        return _guarded(lambda: _test(get_pool))

    def status() -> Answer:
        now = datetime.now(UTC)
        return _guarded(lambda: _answer(lambda found: pool_status(found, identity_of(get_pool()), now)))

    def _guarded(answer: Callable[[], Answer]) -> Answer:
        if guard is not None:
            guard()
        return answer()

    def _answer(shape: Callable[[Health], Json]) -> Answer:
        try:
            found = health_of(get_pool(), thresholds)
        except Exception as error:
            return _failure(error)
        return shape(found), 503 if found.status is Status.CRITICAL else 200

    blueprint = Blueprint(name, __name__)
    blueprint.add_url_rule("/health", "health", health)
    blueprint.add_url_rule("/health/db", "database", database)
    blueprint.add_url_rule("/health/db/test", "database_test", database_test)
    blueprint.add_url_rule("/db-pool-status", "status", status)
    return blueprint


def _test(get_pool: Callable[[], Any]) -> Answer:
    try:
        with borrowed(get_pool()) as connection:
            cursor = connection.cursor()
            try:
                cursor.execute("SELECT 1, CURRENT_TIMESTAMP")
                one, now = cursor.fetchone()
            finally:
                cursor.close()
    except Exception as error:
        return _failure(error)
    time = now.isoformat() if isinstance(now, datetime) else str(now)
    return {
        "status": "ok",
        "message": "the database answers",
        "test_result": {"test": one, "current_time": time},
    }, 200


def _failure(error: Exception) -> Answer:
    """The kind of error only: its text may hold the address of the server."""
    return {"status": "error", "message": f"the database does not answer ({type(error).__name__})"}, 503
