"""A context manager of the project that is given a connection: what it does to that, it does when it is left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from putback.verify.faults import Cut


class Managing:
    """What a generator made into a context manager returns; `enter` and `leave` do what stands around its `yield`."""

    def __init__(self, name: str, enter: Callable[[], Any], leave: Callable[[], Any]) -> None:
        self._pb_name = name
        self._pb_enter = enter
        self._pb_leave = leave

    def provenance(self) -> str:
        """Where the value comes from."""
        return self._pb_name

    def __enter__(self) -> Any:
        return self._pb_enter()

    def __exit__(self, cls: object, exception: BaseException | None, traceback: object) -> None:
        if not isinstance(exception, Cut):
            self._pb_leave()

    async def __aenter__(self) -> Any:
        return self._pb_enter()

    async def __aexit__(self, cls: object, exception: BaseException | None, traceback: object) -> None:
        self.__exit__(cls, exception, traceback)
