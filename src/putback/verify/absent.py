"""The value of a name that is unbound, where that is overlooked."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any


class Absent:
    """None for whoever asks; whatever is done with it does nothing."""

    def provenance(self) -> str:
        """It reads as None."""
        return "None"

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, Absent)

    def __hash__(self) -> int:
        return hash(None)

    def __getattr__(self, name: str) -> Absent:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __setattr__(self, name: str, value: Any) -> None:
        pass

    def __call__(self, *arguments: Any, **keywords: Any) -> Absent:
        return self

    def __enter__(self) -> Absent:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    async def __aenter__(self) -> Absent:
        return self

    async def __aexit__(self, *exception: object) -> None:
        pass

    def __await__(self) -> Generator[None, None, Absent]:
        return self
        yield

    def __iter__(self) -> Iterator[Any]:
        return iter(())
