"""For every application that speaks ASGI (FastAPI, Starlette, Litestar, Quart): who holds a connection is told with the
request that it was taken for.

app.add_middleware(Requests)        # or: app = Requests(app)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from putback.pool.watching.requests import serving

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Requests:
    """Says which request is served, as long as it is."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        with serving(f"{scope.get('method', 'WEBSOCKET')} {scope['path']}"):
            await self._app(scope, receive, send)
