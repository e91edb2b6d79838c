"""What `putback fix` and `putback check --fix` do: apply the fixes, write the files, report what remains."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import NoReturn

import click

from putback.cli import output
from putback.cli.ask import Asker
from putback.cli.narrowed import Narrowed, narrowed
from putback.cli.options import CheckOptions
from putback.cli.terminal import Progress, colour_wanted
from putback.model.config import Config
from putback.model.errors import UsageError
from putback.model.finding import Severity
from putback.model.fixing import FixRun
from putback.model.printable import harmless
from putback.model.report import Fixing, Report, StdinFile
from putback.report.counts import number
from putback.report.remedy import taken_back


def run(options: CheckOptions, config: Config) -> int:
    """Fix, report, and give the exit code."""
    check_usage(options)
    if not config.show_info:
        config = replace(config, min_severity=max(config.min_severity, Severity.WARNING, key=lambda each: each.rank))
    from_stdin = options.paths == ("-",)
    data = sys.stdin.buffer.read() if from_stdin else b""
    stdin = output.as_file(options, config, data) if from_stdin else None
    progress = Progress()
    gc.enable()  # many rounds may come
    asker = Asker(colour_wanted(options.color), progress.clear) if options.interactive else None
    with orderly_end():
        try:
            if from_stdin and stdin is None:
                done = FixRun()
            else:
                done = worked_out(options, config, stdin, progress, asker)
        finally:
            progress.clear()
        if not from_stdin and not options.diff:
            from putback.pipeline.fix import written

            done = written(done)
    if not done.files and not done.errors and not from_stdin and not options.quiet:
        output.warn("no Python files found")
    mended = done.mended
    counted = Narrowed(done.findings) if from_stdin else narrowed(done.findings, options, config, whole=False)
    done = replace(done, findings=counted.findings)
    if options.diff:
        show_diff(options, done, mended)
    else:
        if from_stdin:
            sys.stdout.flush()
            sys.stdout.buffer.write(done.changes[0].after if done.changes else data)
        show_report(options, config, done, mended, stdin)
    for warning in (*done.errors, *done.overtaken):
        output.warn(warning)
    for error in done.unwritten:
        click.echo(harmless(f"putback: error: {error}"), err=True)
    return exit_code(options, config, done)


def worked_out(
    options: CheckOptions, config: Config, stdin: StdinFile | None, progress: Progress, asker: Asker | None
) -> FixRun:
    """What the fixes make of the files; with --verify without those that are not proved."""
    from putback.pipeline import fix as pipeline

    paths = [] if stdin else options.paths
    if not options.verify:
        return pipeline.fix(paths, config, stdin=stdin, progress=progress, approve=asker)
    from putback.pipeline import verify as proofs
    from putback.verify.roles import Bounds
    from putback.verify.sandbox import Sandbox

    with Sandbox() as sandbox:
        prover = proofs.Prover(sandbox, Bounds(), Progress("functions"))
        return proofs.fix(paths, config, prover, stdin=stdin, progress=progress)


def check_usage(options: CheckOptions) -> None:
    """Raise UsageError for options that do not go together."""
    if not options.interactive:
        return
    if options.verify:
        raise UsageError("--interactive asks about fixes, --verify decides by itself: choose one of them")
    if options.diff or options.paths == ("-",):
        raise UsageError("--interactive asks about files: it goes neither with --diff nor with standard input (-)")
    if not sys.stdin.isatty():
        raise UsageError("--interactive asks, so standard input must be a terminal")


@contextmanager
def orderly_end() -> Iterator[None]:
    """Let a request to end reach the clean-up code, so that what is half written is removed; one ignored stays so."""

    def end(each: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + each)

    known = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    ours = [each for each in known if signal.getsignal(each) is signal.SIG_DFL]
    for each in ours:
        signal.signal(each, end)
    try:
        yield
    finally:
        for each in ours:
            signal.signal(each, signal.SIG_DFL)


def exit_code(options: CheckOptions, config: Config, done: FixRun) -> int:
    """What the process says: 2 for what could not be done, 1 for what remains or was asked to count."""
    if done.internal_error or done.unwritten:
        return 2
    if options.exit_zero:
        return 0
    if options.diff:
        return int(bool(done.changes))
    changed = options.exit_non_zero_on_fix and bool(done.applied)
    return int(changed or (output.fails(done.findings, config) and not options.fix_only))


def show_diff(options: CheckOptions, done: FixRun, mended: int) -> None:
    """Print what would be changed, and on stderr how many problems that would mend."""
    to_terminal = options.output_file is None
    colour = to_terminal and colour_wanted(options.color)
    parts = [output.as_diff(change, colour, to_terminal and sys.stdout.isatty()) for change in done.changes]
    output.write("".join(parts), options.output_file)
    if options.quiet:
        return
    if done.applied:
        click.echo(f"Would fix {number(mended, 'problem')}.", err=True)
    for each in done.declined if options.verify else ():
        click.echo(harmless(taken_back(each)), err=True)


def show_report(options: CheckOptions, config: Config, done: FixRun, mended: int, stdin: StdinFile | None) -> None:
    """Report what remains and what was done; on stderr where stdout is for the fixed source."""
    fixed = StdinFile(stdin.path, done.changes[0].after) if stdin and done.changes else stdin
    report = Report(
        () if options.fix_only else done.findings,
        output.sources(fixed),
        done.files,
        fixing=Fixing(done.applied, mended, done.declined, options.show_fixes, options.fix_only),
        unsafe_fixes=config.unsafe_fixes,
        root=done.root,
    )
    from_stdin = options.paths == ("-",)
    output.write_reports(options, config, report, stream=sys.stderr if from_stdin else None)
