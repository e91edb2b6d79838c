"""Nothing that a file, its name or its code says is a command to the runner of a CI system, in whatever is printed."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from report_shop import LEAK, Shop, span

from putback.model.finding import Finding, Step
from putback.report import format_named
from putback.report.display import safe, shown

COMMANDS = (
    "::stop-commands::t",
    "::error file=a.py::x",
    " ::set-env name=A::b",
    "##vso[task.complete]x",
    "##VSO[task.complete]x",
    "##[command]rm",
    "a ##[add-mask]b",
    "##teamcity[buildStop comment='x']",
    "section_start:1:a\r\x1b[0Kx",
)
FOR_LOGS = ("full", "concise", "grouped", "pylint", "markdown")


def is_command(line: str) -> bool:
    """Whether one of the runners takes a row of its log for a command: each as its source code tells them."""
    is_github = line.strip().startswith("::") or "##[" in line
    is_section = re.search(r"section_(start|end):\d+:\S+\r\x1b\[0K", line) is not None
    return is_github or is_section or re.search(r"##(vso|teamcity)\[", line, re.IGNORECASE) is not None


def hostile(text: str) -> Finding:
    """A finding all of whose texts are the same."""
    inner = Step(text, span(1, 1, 2), text)
    steps = (Step(text, span(1, 1, 2), text, via=(inner,)), Step(f"{text}.py", span(2, 1, 2), text))
    message = f"{'word ' * 20}{text}"
    told = replace(LEAK, message=message, function=text, help=text, no_fix_reason=text, fix=None)
    return replace(told, path=text, filename=text, trace=steps, span=span(1, 1, 2))


@pytest.mark.parametrize("width", [0, 40, 80])
@pytest.mark.parametrize("text", COMMANDS, ids=ascii)
@pytest.mark.parametrize("name", FOR_LOGS)
def test_no_line_of_a_report_is_a_command(name: str, text: str, width: int) -> None:
    shop = Shop()
    shop.files |= {text: [text, text], f"{text}.py": [text, f"\t{text}"]}
    begins = replace(hostile(text), message=text)
    report = shop.report(hostile(text), begins, replace(begins, trace=()), width=width)
    assert [line for line in format_named(name).render(report).splitlines() if is_command(line)] == []


@pytest.mark.parametrize("text", COMMANDS, ids=ascii)
def test_a_workflow_command_holds_no_other(text: str) -> None:
    found = replace(hostile(text), message=text)
    for line in format_named("github").render(Shop().report(found, hostile(text))).splitlines():
        head, _, message = line.removeprefix("::").partition("::")
        assert head.startswith("error title=putback (PB102),file=")
        assert not any(is_command(each) for each in (head, *message.split("%0A")))


def test_columns_stay_where_they_are_and_other_text_as_it_is() -> None:
    line = shown("x = '##vso[a]' # é")
    assert (line.column(5), line.column(7), line.column(17)) == (5, 7, 17)
    for text in ("x[::2]", "a::b", "## Heading", "C#[0]", "std::vector", "### [link]"):
        assert safe(text) == shown(text).text == text
