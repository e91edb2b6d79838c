"""On whose behalf: the request or the job that runs now, if anybody says so.

Flask and Celery know it by themselves. For others `serving` says it; `putback.pool.web.asgi.Requests` does so for every
application that speaks ASGI (FastAPI, Starlette, Litestar, Quart).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_serving: ContextVar[str | None] = ContextVar("putback_serving", default=None)


@contextmanager
def serving(name: str) -> Iterator[None]:
    """While the block runs, connections are taken for this request or job."""
    token = _serving.set(name)
    try:
        yield
    finally:
        _serving.reset(token)


def current() -> str | None:
    """The request or job that runs now. Costs little: it is asked at every check-out."""
    name = _serving.get()
    if name is not None:
        return name
    modules = sys.modules
    if "flask" in modules and (flask := modules["flask"]).has_request_context():
        return f"{flask.request.method} {flask.request.path}"
    if "celery._state" in modules:
        task = modules["celery._state"].get_current_task()
        if task is not None:
            return f"task {task.name}[{task.request.id}]"
    return None
