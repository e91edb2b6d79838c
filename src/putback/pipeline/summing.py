"""Pools times processes: what flags, configuration and the files of a project say about its deployment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from putback.model.budget import Budget, Share, Told
from putback.model.config import Config
from putback.pipeline.deployment import deployment


def summed(found: Sequence[Share], config: Config, flags: Mapping[str, int]) -> Budget:
    """The budget of these pools, with what flags, configuration and the project's files say, in this order."""
    said = deployment(config.root)
    configured = {key: Told(number, "[tool.putback.deployment]") for key, number in config.deployment.items()}
    told = {**configured, **{key: Told(number, f"--{key}") for key, number in flags.items()}}
    workers = [told["workers"]] if "workers" in told else said.workers or [Told(1, "nothing says otherwise")]
    replicas = told.get("replicas") or _largest(said.replicas) or Told(1, "nothing says otherwise")
    limit = told.get("max-connections") or _largest(said.limits) or _default(found)
    reserved = told.get("reserved") or Told(0, "")
    return Budget(found, _by_name(workers), replicas, limit, reserved)


def _largest(told: Sequence[Told]) -> Told | None:
    return max(told, key=lambda each: each.number, default=None)


def _by_name(workers: Sequence[Told]) -> list[Told]:
    """One for each server: the same is often started from several files, and the one with the most processes counts."""
    best: dict[str, Told] = {}
    for each in workers:
        name = each.by.partition(",")[0] if "," in each.by else ""
        name = "celery" if name == "celery" else "server"
        if name not in best or each.number > best[name].number:
            best[name] = each
    return list(best.values())


def _default(found: Sequence[Share]) -> Told:
    smallest = min(found, key=lambda share: share.accepts, default=None)
    name = smallest.database if smallest is not None else ""
    return Told(smallest.accepts if smallest is not None else 100, f"the default of {name or 'PostgreSQL'}")
