"""`putback fix --interactive`: each fix is shown and asked about."""

from __future__ import annotations

import sys
from collections.abc import Callable

from putback.model.fixing import Answer, Proposal
from putback.report.counts import number
from putback.report.display import safe

HELP = """\
y - apply this fix
n - do not apply this fix
q - quit: apply neither this fix nor any that is left
a - apply this fix and all later ones in the file
d - apply neither this fix nor any later one in the file
? - print this help
"""
_ANSWERS = {"y": Answer.YES, "n": Answer.NO, "q": Answer.STOP, "a": Answer.YES, "d": Answer.NO}
_WORDS = {"yes": "y", "no": "n", "quit": "q", "all": "a", "done": "d"}


class Asker:
    """Asks on the terminal, as `git add -p` does. `clear` takes the progress line away first."""

    def __init__(self, colour: bool, clear: Callable[[], None]) -> None:
        self.colour = colour
        self.clear = clear
        self.settled: dict[str, Answer] = {}  # by the file whose further fixes are all wanted, or none of them

    def __call__(self, proposal: Proposal) -> Answer:
        """Whether the fix is wanted. The end of the input means no more fixes."""
        path = proposal.change.path
        if path in self.settled:
            return self.settled[path]
        self.clear()
        self.show(proposal)
        letter = _asked(f"({proposal.number}/{proposal.of}) Apply this fix [y,n,q,a,d,?]? ")
        answer = _ANSWERS[letter]
        if letter in "ad":
            self.settled[path] = answer
        if answer is Answer.STOP:
            left = proposal.of - proposal.number + 1
            sys.stdout.write(f"{number(left, 'fix', 'fixes')} left.\n")
        return answer

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


def _asked(question: str) -> str:
    """The letter of the answer; what is none is answered with the help."""
    while True:
        sys.stdout.write(question)
        sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            sys.stdout.write("\n")
            return "q"
        word = line.strip().lower()
        letter = _WORDS.get(word, word)
        if letter in _ANSWERS:
            return letter
        sys.stdout.write(HELP)
