"""`putback budget`: the pools of a project, times its processes, against what the database takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from putback.model.budget import Budget
from putback.model.config import Config
from putback.pipeline.check import at_full_speed, scanned
from putback.pipeline.summing import summed


def budget(paths: Sequence[str], config: Config, flags: Mapping[str, int]) -> Budget:
    """The pools in the files at and below `paths`, and how they are deployed: `flags` win over all else."""
    from putback.pipeline.shares import shares

    with at_full_speed():
        project = scanned(paths, config, frozenset())
        analysis = project.analysis
        places = [(task.path, task.key) for task in analysis.tasks(project.wanted)]
        found = {share: None for _, _, share in shares(analysis.analyzer, places)}
    return summed(sorted(found, key=lambda share: (share.path, share.row)), config, flags)
