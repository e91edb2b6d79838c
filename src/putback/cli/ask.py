"""`putback fix --interactive`: each fix is shown and asked about."""

from __future__ import annotations

import sys
from collections.abc import Callable

from putback.model.fixing import Answer, Proposal
from putback.report.display import safe

QUESTION = "Apply this fix? [y]es, [n]o, [a]ll that follow, [q]uit: "


class Asker:
    """Asks on the terminal; after "all" it says yes by itself. `clear` takes the progress line away first."""

    def __init__(self, colour: bool, clear: Callable[[], None]) -> None:
        self.colour = colour
        self.clear = clear
        self.all = False

    def __call__(self, proposal: Proposal) -> Answer:
        """Whether the fix is wanted. The end of the input means no more fixes."""
        if self.all:
            return Answer.YES
        self.clear()
        self.show(proposal)
        while True:
            sys.stdout.write(QUESTION)
            sys.stdout.flush()
            line = sys.stdin.readline()
            word = line.strip().lower()
            if not line or word in ("q", "quit"):
                return Answer.STOP
            if word in ("a", "all"):
                self.all = True
            if word in ("y", "yes", "a", "all"):
                return Answer.YES
            if word in ("n", "no"):
                return Answer.NO

    def show(self, proposal: Proposal) -> None:
        """Print the findings and what would be changed."""
        from putback.cli.output import as_diff

        for finding in proposal.findings:
            start = finding.span.start
            place = f"{safe(finding.path)}:{start.row}:{start.column}"
            sys.stdout.write(f"{place}: {finding.code} {finding.name}: {safe(finding.message)}\n")
        fix = proposal.findings[0].fix
        assert fix is not None
        sys.stdout.write(f"{safe(fix.message)} ({fix.applicability.value} fix)\n")
        sys.stdout.write(as_diff(proposal.change, self.colour, terminal=True))
