"""A project that is being edited: one index of it as it is on the disk, and the open files laid over it.

An edit looks again at the functions that it concerns, and at nothing else: the index stays, so edits leave nothing
behind.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from putback.model.config import Config
from putback.model.finding import Finding, Severity
from putback.model.fixing import FixResult
from putback.model.report import CheckResult, StdinFile
from putback.pipeline import check as pipeline
from putback.pipeline.check import Checked
from putback.source import cache, settings
from putback.source.excludes import Excludes

Findings = dict[str, tuple[Finding, ...]]
_REMEMBERED = 20
"""How many files that were saved and closed may differ from the index before it is made anew."""


@dataclass(frozen=True, slots=True)
class Proved:
    """What became of a request to fix and to prove: the new text, or why there is none."""

    text: str | None
    said: str


class Session:
    """One project. Paths are absolute; whoever calls sees to it that no two calls run at once."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.texts: dict[str, str] = {}
        self.saved: dict[str, str] = {}
        self.shown: Findings = {}
        self._config: Config | None = None
        self._project: Checked | None = None

    @property
    def config(self) -> Config:
        """The settings of the project. Raises ConfigError."""
        if self._config is None:
            config = settings.load([self.root])
            self._config = replace(config, jobs=1, cache=cache.folder(config.root or self.root))
        return self._config

    def open(self, path: str, text: str) -> Findings:
        """A file is shown, or its text has changed; the findings of the open files that this concerns."""
        self.texts[path] = text
        if Excludes(self.config.exclude, self.config.root).covers(path):
            return {path: ()}
        found = self._looked_at(path)
        shown = {each: self._to_show(found[each]) for each in found if each in self.texts}
        self.shown.update(shown)
        return shown

    def close(self, path: str) -> None:
        """A file is no longer shown; what is on the disk counts."""
        text = self.texts.pop(path, None)
        self.shown.pop(path, None)
        if text is not None:
            self.saved[path] = text
        if len(self.saved) > _REMEMBERED:
            self.refresh()

    def refresh(self) -> None:
        """Files have come, gone or changed behind the editor's back, or the settings have: begin anew."""
        self._project = self._config = None
        self.saved.clear()

    def fixed(self, path: str) -> FixResult:
        """The open file with all its safe fixes."""
        from putback.pipeline.fix import fix_source

        return fix_source(self.texts[path], path, self.config)

    def fixed_and_proved(self, path: str, finding: Finding) -> Proved:
        """The open file with the fix of one finding, if a sandbox shows that it holds. Runs the function."""
        from putback.pipeline.verify import Prover, fix_one
        from putback.verify.roles import Bounds
        from putback.verify.sandbox import Sandbox

        stdin = StdinFile(path, self.texts[path].encode("utf-8", "surrogatepass"))
        with Sandbox() as sandbox:
            prover = Prover(sandbox, Bounds(), lambda done, total: None)
            run, proof = fix_one(stdin, replace(self.config, unsafe_fixes=True), prover, finding)
        if proof is None or not run.changes:
            return Proved(None, "there is no fix that can be run")
        said = f"{proof.title}: {proof.reason} ({proof.schedules} runs)"
        return Proved(
            run.changes[0].after.decode("utf-8", "surrogatepass") if proof.verdict.is_accepted else None, said
        )

    # -- looking

    def _looked_at(self, path: str) -> Findings:
        if path not in self._index(path).analysis.scanner.known:  # it is not on the disk yet
            result: CheckResult = pipeline.check([], self.config, stdin=StdinFile(path, self._data(path)))
            return {path: tuple(each for each in result.findings if each.filename == path)}
        project = self._examined((path, *self.texts))
        texts = {each: self._data(each) for each in self.texts if each in project.analysis.scanner.known}
        others = {each: text.encode("utf-8", "surrogatepass") for each, text in self.saved.items()}
        with pipeline.at_full_speed():
            return project.again(texts, {each: data for each, data in others.items() if each not in texts})

    def _data(self, path: str) -> bytes:
        return self.texts[path].encode("utf-8", "surrogatepass")

    def _index(self, path: str) -> Checked:
        """The project as it is on the disk."""
        if self._project is None:
            paths = [self.root] if os.path.isdir(self.root) else [path]
            with pipeline.at_full_speed():
                scanned = pipeline.scanned(paths, self.config)
            self._project = Checked(replace(scanned, wanted=frozenset()), (), CheckResult())
        return self._project

    def _examined(self, paths: Iterable[str]) -> Checked:
        """The project with what is found, on the disk, in the files `paths` as well."""
        project = self._index(next(iter(paths)))
        known = project.analysis.scanner.known
        fresh = frozenset(paths) & known - project.project.wanted
        if fresh:
            with pipeline.at_full_speed():
                found = [*project.found, *project.analysis.found(fresh, None)]
            wanted = project.project.wanted | fresh
            self._project = project = Checked(replace(project.project, wanted=wanted), found, CheckResult())
        return project

    def _to_show(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        return tuple(each for each in findings if self.config.show_info or each.severity is not Severity.INFO)


def session_for(path: str, folders: Iterable[str], sessions: Mapping[str, Session]) -> str:
    """The root of the project that a file belongs to: a folder of the editor, else what marks a project."""
    from putback.source.root import project_root

    around = [each for each in (*folders, *sessions) if path.startswith(each.rstrip("/") + "/")]
    if around:
        return max(around, key=len)
    return project_root([path], "")
