"""A FastAPI router that shows a pool's state: install `putback[fastapi]`.

app.include_router(pool_router(lambda: engine), dependencies=[Depends(admin)])

GET /pool-status    size, checked_in, checked_out, overflow, total
GET /health/db      status, numbers, warnings, advice; 503 if critical
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Response

from putback.pool.adapters import health_of, stats_of
from putback.pool.health import Status, Thresholds
from putback.pool.shapes import Json, pool_health, queue_status


def pool_router(get_pool: Callable[[], Any], *, thresholds: Thresholds | None = None) -> APIRouter:
    """Endpoints for what `get_pool` gives: any pool that `putback.pool.adapters` knows."""

    async def status() -> Json:
        return queue_status(stats_of(get_pool()))

    async def health(response: Response) -> Json:
        found = health_of(get_pool(), thresholds)
        if found.status is Status.CRITICAL:
            response.status_code = 503
        return pool_health(found)

    router = APIRouter()
    router.add_api_route("/pool-status", status, methods=["GET"])
    router.add_api_route("/health/db", health, methods=["GET"])
    return router
