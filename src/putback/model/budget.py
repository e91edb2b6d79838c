"""The arithmetic of pools: how many connections a deployment may open, and how many its database takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Told:
    """A number and who says so: a flag, the configuration, a file with its row, a default."""

    number: int
    by: str


@dataclass(frozen=True, slots=True)
class Share:
    """One pool of a process. `path` and `row` are where it is made, `database` is what kind of database it is for,
    which takes so many connections unless it is told otherwise (`accepts`).

    `size` and `overflow` are None where they cannot be seen; `unlimited`: nothing bounds how many it opens.
    `variables` are the environment variables that may say otherwise.
    """

    path: str
    row: int
    title: str
    database: str
    accepts: int
    size: int | None
    overflow: int | None
    unlimited: bool = False
    variables: tuple[str, ...] = ()

    @property
    def most(self) -> int | None:
        """How many connections it opens at most; None where that is not known."""
        return None if self.unlimited or self.size is None or self.overflow is None else self.size + self.overflow


@dataclass(frozen=True, slots=True)
class Budget:
    """The pools of each process, how many processes there are (by what runs them), and the limit of the database."""

    shares: Sequence[Share]
    workers: Sequence[Told]
    replicas: Told
    limit: Told
    reserved: Told

    @property
    def processes(self) -> int:
        """How many processes have these pools."""
        return sum(each.number for each in self.workers) * self.replicas.number

    @property
    def per_process(self) -> int:
        """How many connections the pools of one process open at most, as far as they are known."""
        return sum(each.most or 0 for each in self.shares)

    @property
    def total(self) -> int:
        """How many connections all processes open at most."""
        return self.processes * self.per_process

    @property
    def available(self) -> int:
        """How many the database has for them."""
        return self.limit.number - self.reserved.number

    @property
    def fits(self) -> bool:
        """Whether the database takes them all."""
        return self.total <= self.available and not any(each.unlimited for each in self.shares)
