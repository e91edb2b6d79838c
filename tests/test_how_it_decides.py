"""The page "How it decides" shows the table by which findings are weighed. PUTBACK_UPDATE=1 rewrites it."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path

import pytest

from putback.model.finding import Confidence, Severity
from putback.model.weighing import TABLE, Frequency, Likelihood, Loss, Worth, tipped, weigh

PAGE = Path(__file__).parents[1] / "docs" / "pages" / "guides" / "how-it-decides.md"
WORDS = {
    Likelihood.EACH_TIME: "each time",
    Likelihood.EXPECTED: "now and then",
    Likelihood.SELDOM: "seldom",
    Likelihood.RARELY: "rarely",
    Likelihood.TWICE: "two errors",
    Likelihood.HARDLY: "hardly ever",
}
SHOWN = {Severity.ERROR: "**error**", Severity.WARNING: "warning", Severity.INFO: "hint"}
WORTHS = [Worth(*each) for each in product(Likelihood, Loss, Frequency)]


def table() -> str:
    """The table in Markdown."""
    rows = ["| what is lost | how likely | again | once | for example |", "|---|---|---|---|---|"]
    for loss, likelihood in product(Loss, Likelihood):
        cell = TABLE[loss, likelihood]
        first = loss.value if likelihood is Likelihood.EACH_TIME else ""
        rows.append(f"| {first} | {WORDS[likelihood]} | {SHOWN[cell.again]} | {SHOWN[cell.once]} | {cell.example} |")
    return "\n".join(rows)


def test_the_page_shows_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition("<!-- table -->\n")
    _, _, after = rest.partition("<!-- end -->\n")
    wanted = f"{before}<!-- table -->\n{table()}\n<!-- end -->\n{after}"
    if os.environ.get("PUTBACK_UPDATE"):
        PAGE.write_text(wanted, encoding="utf-8")
        text = wanted
    assert text == wanted


def test_every_cell_is_decided() -> None:
    assert TABLE.keys() == set(product(Loss, Likelihood))


@pytest.mark.parametrize("worth", WORTHS, ids=str)
def test_nothing_is_graver_where_it_is_less_likely_or_less_often(worth: Worth) -> None:
    likelihoods, frequencies = list(Likelihood), list(Frequency)
    for less in likelihoods[likelihoods.index(worth.likelihood) :]:
        for rarer in frequencies[frequencies.index(worth.frequency) :]:
            assert weigh(Worth(less, worth.loss, rarer)).rank <= weigh(worth).rank


@pytest.mark.parametrize("worth", WORTHS, ids=str)
def test_what_is_not_sure_is_no_error(worth: Worth) -> None:
    assert weigh(worth, Confidence.MEDIUM) is not Severity.ERROR


@pytest.mark.parametrize("worth", WORTHS, ids=str)
def test_only_a_hint_says_what_made_it_one(worth: Worth) -> None:
    is_hint = weigh(worth) is Severity.INFO and worth.loss is not Loss.ADVICE
    assert bool(tipped(worth)) == is_hint
