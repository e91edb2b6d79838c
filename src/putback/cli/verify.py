"""`putback verify`: run what is found, before and after its fixes, in a sandbox, and report what that proves."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from putback.cli import output
from putback.cli.options import PRINTING, SELECTING, STYLE, Selection, configured, with_options
from putback.cli.terminal import Progress, colour_wanted, terminal_width
from putback.model.config import Config
from putback.model.errors import UsageError
from putback.model.packed import Packed, packed
from putback.model.printable import harmless
from putback.model.verified import ProofReport, Proven

if TYPE_CHECKING:
    from putback.pipeline.verify import Subject
    from putback.verify.roles import Bounds
    from putback.verify.sandbox import Sandbox
    from putback.verify.verdict import Proof


@dataclass(frozen=True, kw_only=True)
class VerifyOptions(Selection):
    """What the user typed after `verify`."""

    output_format: str
    output_file: str | None
    html: str | None
    tests: str | None
    budget: float
    schedules: int
    level: int
    faults: int
    replay: str | None
    choice: tuple[str, ...]
    show: bool
    color: str
    quiet: bool


VERIFYING = (
    *SELECTING,
    STYLE,
    click.option(
        "--budget", type=click.FloatRange(min=0.01), default=4.0, show_default=True, help="Seconds for one function."
    ),
    click.option(
        "--schedules", type=click.IntRange(min=1), default=2_000, show_default=True, help="Runs of one function."
    ),
    click.option(
        "--faults", type=click.IntRange(0, 3), default=1, show_default=True, help="Operations that fail in one run."
    ),
    click.option(
        "--level",
        type=click.IntRange(1, 3),
        default=1,
        show_default=True,
        help="What may fail: 1 what commonly does, 2 also rollback, cursor close and await, 3 also the release.",
    ),
    click.option(
        "--output-format",
        type=click.Choice(["full", "table", "json"]),
        default="full",
        show_default=True,
        help="Stories and table, the table alone, or JSON.",
    ),
    click.option("--html", metavar="FILE", help="Also write a page for a browser: stories, diffs, pools over time."),
    click.option("--tests", metavar="DIRECTORY", help="Also write each leak as a test for pytest."),
    click.option("--replay", metavar="FUNCTION", help="Run this function of the one file in PATHS once, as it is."),
    click.option("--choice", multiple=True, metavar="CHOICE", help="A decision of that run, as a report prints it."),
    click.option("--list", "show", is_flag=True, help="Say what would be executed, and execute nothing."),
    *PRINTING,
    click.option("-q", "--quiet", is_flag=True, help="Do not say what is executed."),
)


@click.command("verify")
@partial(with_options, options=VERIFYING)
def command(**given: Any) -> None:
    """Show that leaks happen, and that fixes end them, by running the functions.

    Each function with a finding is taken out of its file and EXECUTED in a sandbox, on stand-ins for its connections
    and for everything else, as it is and as its fixes would leave it; faults are injected everywhere. Nothing is
    written to the files. PATHS are files and directories; without any, the working directory. Exits with 0 when all
    fixes are proved, at least within stated bounds, 1 when not, or when a leak has no fix, 2 when it cannot be told.
    """
    given["paths"] = given["paths"] or (".",)
    options = VerifyOptions(**given, unsafe_fixes=True, stdin_filename=None)
    check_usage(options)
    config = configured(options)
    code = replay(options, options.replay, config) if options.replay is not None else run(options, config)
    click.get_current_context().exit(code)


def check_usage(options: VerifyOptions) -> None:
    """Raise UsageError for options that do not go together."""
    if "-" in options.paths:
        raise UsageError("verify looks at files, not at standard input (-)")
    if options.choice and options.replay is None:
        raise UsageError("--choice says how --replay goes: name a function with --replay")
    if options.replay is not None and len(options.paths) != 1:
        raise UsageError("--replay needs exactly one file in PATHS")


def run(options: VerifyOptions, config: Config) -> int:
    """Verify, report, and give the exit code."""
    from putback.pipeline.gather import gather
    from putback.verify.roles import Bounds

    progress = Progress()
    try:
        done = gather(options.paths, config, progress)
    finally:
        progress.clear()
    if not done.files and not done.errors and not options.quiet:
        output.warn("no Python files found")
    for error in done.errors:
        output.warn(error)
    if options.show:
        click.echo("".join(f"{harmless(name(subject))}\n" for subject in done.subjects), nl=False)
        return 0
    bounds = Bounds(options.faults, options.level, schedules=options.schedules, seconds=options.budget)
    proofs = executed(done.subjects, bounds, options.quiet)
    report(options, done.subjects, proofs, bounds)
    if done.internal_error:
        return 2
    return int(not all(proof.verdict.is_accepted for proof in proofs) or done.is_broken)


def executed(found: Collection[Subject], bounds: Bounds, quiet: bool = False) -> Collection[Proof]:
    """The proofs, after it was said what is executed for them."""
    if not found:
        return []
    from putback.pipeline.verify import Prover
    from putback.verify.sandbox import Sandbox

    progress = Progress("functions")
    with Sandbox() as sandbox:
        if not quiet:
            announce(found, sandbox)
        try:
            return Prover(sandbox, bounds, progress).prove(found)
        finally:
            progress.clear()


def announce(found: Collection[Subject], sandbox: Sandbox) -> None:
    """Say on stderr what is about to be executed, and how it is locked in."""
    named = {name(subject): subject.case.path for subject in found}
    functions, files = len(named), len(set(named.values()))
    lock = (
        "the kernel keeps them from files, sockets and processes"
        if sandbox.has_kernel_filter
        else "on this system the sandbox is best effort: execute no code that you do not trust"
    )
    count = f"{functions} function{'s' * (functions != 1)} of {files} file{'s' * (files != 1)}"
    click.echo(f"putback: executing {count} on stand-ins (named by --list); {lock}", err=True)


def name(subject: Subject) -> str:
    """Which function a subject is about: "shop/orders.py:28 cancel"."""
    return f"{subject.case.path}:{subject.row} {subject.case.before.function}".rstrip()


def report(options: VerifyOptions, found: Collection[Subject], proofs: Collection[Proof], bounds: Bounds) -> None:
    """Write the report in the chosen format, and the page and the tests where they are wanted."""
    from putback.pipeline import verify as pipeline
    from putback.report.proofs import text

    proven = Packed[Proven](packed(pipeline.proven(each, proof)) for each, proof in zip(found, proofs, strict=True))
    to_terminal = options.output_file is None
    shown = ProofReport(proven, bounds.text(), to_terminal and colour_wanted(options.color))
    shown = replace(shown, width=terminal_width() if to_terminal else 0)
    if options.output_format == "json":
        written = as_json(found, proofs, bounds)
    else:
        written = text.table(shown) if options.output_format == "table" else text.render(shown)
    output.write(written, options.output_file)
    if options.html is not None:
        from putback.report.proofs import page

        output.write(page.render(described(shown, options, bounds)), options.html)
    if options.tests is not None:
        from putback.cli.reproduced import write_tests

        write_tests(proofs, options.tests)


def described(shown: ProofReport, options: VerifyOptions, bounds: Bounds) -> ProofReport:
    """The report with what a reader elsewhere has to know: which project, in which state, on which day."""
    from putback.source.ignored import commit_of
    from putback.source.root import project_root

    root = project_root([os.path.abspath(path) for path in options.paths], "")
    commit = commit_of(root)
    return replace(
        shown,
        version=output.own_version(),
        project=os.path.basename(root),
        state=f"commit {commit}" if commit else "",
        date=date.today().isoformat(),
        level=bounds.level,
    )


def as_json(found: Collection[Subject], proofs: Collection[Proof], bounds: Bounds) -> str:
    """The machine-readable report: one entry for each finding."""
    from putback.pipeline.verify import entries
    from putback.report.formats.json import as_text
    from putback.verify.verdict import report

    every = (entry for subject, proof in zip(found, proofs, strict=True) for entry in entries(subject, proof))
    return as_text(report(every, bounds))


def replay(options: VerifyOptions, function: str, config: Config) -> int:
    """Run one schedule of one function and tell it; 1 when it violates something."""
    from putback.pipeline.cases import version_in
    from putback.verify.choices import parse
    from putback.verify.sandbox import Sandbox

    version = version_in(options.paths[0], function, config)
    with Sandbox() as sandbox:
        broken, story = sandbox.replay(version, tuple(map(parse, options.choice)))
    end = "".join(f"violated: {each}\n" for each in broken) or "every connection is given back\n"
    output.write("".join(f"{harmless(sentence)}\n" for sentence in story) + end, options.output_file)
    return int(bool(broken))
