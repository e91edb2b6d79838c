"""The ready endpoints, asked over HTTP as their users do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from libraries import import_or_skip

from putback.pool import ReferencePool
from putback.pool.testing import PSYCOPG_POOL


def flask_client(get_pool: Callable[[], Any], guard: Callable[[], None] | None = None) -> Any:
    flask = import_or_skip("flask", "flask")
    blueprint = import_or_skip("putback.pool.web.flask", "flask").pool_blueprint(get_pool, guard=guard)
    app = flask.Flask("shop")
    app.register_blueprint(blueprint, url_prefix="/api")
    return app.test_client()


def fastapi_client(get_pool: Callable[[], Any]) -> Any:
    fastapi = import_or_skip("fastapi", "fastapi")
    router = import_or_skip("putback.pool.web.fastapi", "fastapi").pool_router(get_pool)
    app = fastapi.FastAPI()
    app.include_router(router)
    return import_or_skip("fastapi.testclient", "fastapi").TestClient(app)


@pytest.fixture
def pool() -> ReferencePool:
    return ReferencePool(2, 10, profile=PSYCOPG_POOL)


def test_flask_shows_the_pool(pool: ReferencePool) -> None:
    client = flask_client(lambda: pool)
    numbers = {"min_connections": 2, "max_connections": 10, "available": 10, "in_use": 0, "total": 2}
    assert client.get("/api/health").json == {
        "status": "healthy",
        "database": {"status": "connected", "pool": numbers},
    }
    found = client.get("/api/health/db")
    assert (found.status_code, found.json["pool_stats"]) == (200, numbers)
    found = client.get("/api/db-pool-status").json
    assert set(found) == {"status", "timestamp", "pool", "warnings", "details"}
    assert found["pool"]["available"] == 10
    assert found["details"]["engine"]["pool_class"] == "ReferencePool"


def test_flask_tests_the_database_and_gives_the_connection_back(pool: ReferencePool) -> None:
    found = flask_client(lambda: pool).get("/api/health/db/test")
    assert found.status_code == 200
    assert found.json["status"] == "ok"
    assert found.json["test_result"]["test"] == 1
    assert pool.stats().in_use == 0


def test_flask_says_503_when_the_pool_is_critical_or_gone(pool: ReferencePool) -> None:
    client = flask_client(lambda: pool)
    _held = [pool.getconn() for _ in range(10)]
    found = client.get("/api/health/db")
    assert (found.status_code, found.json["status"]) == (503, "critical")
    assert found.json["warnings"] == ["no connection is available: all 10 are in use"]

    def broken() -> Any:
        raise OSError("could not connect to 10.0.0.7")

    client = flask_client(broken)
    for path in ("/api/health", "/api/health/db", "/api/health/db/test", "/api/db-pool-status"):
        found = client.get(path)
        assert found.status_code == 503
        assert found.json == {"status": "error", "message": "the database does not answer (OSError)"}


def test_flask_lets_a_guard_refuse(pool: ReferencePool) -> None:
    flask = import_or_skip("flask", "flask")

    def guard() -> None:
        if flask.request.headers.get("Authorization") != "Bearer secret":
            flask.abort(401)

    client = flask_client(lambda: pool, guard)
    assert client.get("/api/health").status_code == 200
    for path in ("/api/health/db", "/api/health/db/test", "/api/db-pool-status"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers={"Authorization": "Bearer secret"}).status_code == 200


def test_flask_on_a_real_engine(postgres_dsn: str) -> None:
    library = import_or_skip("sqlalchemy", "sqlalchemy")
    engine = library.create_engine(postgres_dsn.replace("postgresql:", "postgresql+psycopg2:"))
    client = flask_client(lambda: engine)
    assert client.get("/api/health/db/test").json["test_result"]["test"] == 1
    found = client.get("/api/db-pool-status").json
    assert found["details"]["engine"] == {"driver": "psycopg2", "pool_class": "QueuePool"}
    assert found["pool"]["checked_in"] == 1
    engine.dispose()


def test_fastapi_shows_the_pool(pool: ReferencePool) -> None:
    client = fastapi_client(lambda: pool)
    with pool.connection():
        assert client.get("/pool-status").json() == {
            "size": 10,
            "checked_in": 1,
            "checked_out": 1,
            "overflow": 0,
            "total": 2,
        }
    assert client.get("/health/db").json()["status"] == "healthy"
    _held = [pool.getconn() for _ in range(10)]
    assert client.get("/health/db").status_code == 503
