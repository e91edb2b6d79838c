"""What is followed through a function: one acquire, or one connection that the caller handed in."""

from __future__ import annotations

from dataclasses import dataclass

from putback.drivers.schema import Kind, On
from putback.model.finding import Confidence
from putback.ownership.types import FunctionRef


@dataclass(frozen=True, slots=True)
class Acquisition:
    """What a call hands out.

    `kinds` are the possible resource kinds, the likeliest first; `on` says when it acquires; `element` is the position of
    the connection when the call returns a tuple; `maybe_none` whether it can return None instead; `through` are the
    project functions between the caller and the driver, nearest first; `generator` marks a context manager of the project.
    """

    kinds: tuple[Kind, ...]
    on: tuple[On, ...] = (On.CALL,)
    element: int | None = None
    maybe_none: bool = False
    through: tuple[FunctionRef, ...] = ()
    confidence: Confidence = Confidence.HIGH
    generator: bool = False

    @property
    def kind(self) -> Kind:
        """The likeliest kind."""
        return self.kinds[0]


@dataclass(frozen=True, slots=True)
class Site:
    """A followed connection: acquired by operation `at`, or handed in as parameter or captured name `name` (`at` -1)."""

    at: int
    acquisition: Acquisition
    name: str = ""

    @property
    def kind(self) -> Kind:
        """The likeliest kind."""
        return self.acquisition.kind
