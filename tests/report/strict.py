"""Each format's published schema, or its strict form, as a check that raises."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # two calls need no stubs
import pytest

HERE = Path(__file__).parent
GITHUB = re.compile(
    r"::(error|warning|notice) title=[^,:\n]+(,file=[^,:\n]+,line=\d+,col=\d+,endLine=\d+,endColumn=\d+)?::[^\n]+"
)
AZURE = re.compile(
    r"##vso\[task\.logissue type=(error|warning);sourcepath=[^;\]\n]+;"
    r"linenumber=\d+;columnnumber=\d+;code=PB\d{3};\][^\n]+"
    r"|##\[section\][^\n]+"
)
PYLINT = re.compile(r"[^:\n]+:\d+: \[[A-Z]+\d+\([a-z0-9-]+\), [^\]\n]*\] [^\n]+")
CONCISE = re.compile(r"[^:\n]+(:cell \d+)?:\d+:\d+: PB\d{3}( \[\*\])? [a-z0-9-]+: [^\n]+")
MARKDOWN = re.compile(
    r"\*\*[^\n]+\*\*"
    r"|- (error|warning|info) (`[^`\n]+`|`` [^\n]+ ``) PB\d{3} [a-z0-9\\-]+: [^\n<>]+"
    r"|  <details><summary>the path</summary>|  <pre>|  </pre>|  </details>|"
    r"|  [^\n<>]*|\|[^\n]+\||"
)
VOID = {"br", "meta", "line", "rect", "path"}


@cache
def schema(name: str) -> Any:
    """A JSON schema beside this file."""
    return json.loads((HERE / f"{name}.schema.json").read_text(encoding="utf-8"))


def valid(content: Any, by: Any) -> None:
    """Raise for content that does not fit a JSON schema."""
    jsonschema.Draft202012Validator(by, format_checker=jsonschema.FormatChecker()).validate(content)


def findings_schema() -> Any:
    """The schema that is shipped for the format json."""
    return json.loads(resources.files("putback.report").joinpath("findings.schema.json").read_text(encoding="utf-8"))


def check_gitlab(text: str) -> None:
    """GitLab shows only the first of equal fingerprints."""
    content = json.loads(text)
    valid(content, schema("gitlab"))
    marks = [each["fingerprint"] for each in content]
    assert len(marks) == len(set(marks))


def check_junit(text: str) -> None:
    """By the schema of Jenkins, and the counts are those of the content."""
    xmlschema = pytest.importorskip("xmlschema")
    xmlschema.XMLSchema(str(HERE / "junit-10.xsd")).validate(text)
    from xml.etree.ElementTree import fromstring

    top = fromstring(text)
    suites = top.findall("testsuite")
    for each in (top, *suites):
        assert int(each.attrib["tests"]) == len(each.findall(".//testcase")) > 0
        assert int(each.attrib["failures"]) == len(each.findall(".//failure"))


class Balanced(HTMLParser):
    """Every element that is opened is closed, in order; nothing is loaded and nothing runs."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "link", "img", "iframe")
        assert not any(name.startswith("on") or name == "src" for name, _ in attrs)
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def check_html(text: str) -> None:
    """Well formed, alone, and without two places of one name."""
    assert text.startswith("<!doctype html>\n")
    page = Balanced()
    page.feed(text)
    page.close()
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))


def lines_of(pattern: re.Pattern[str]) -> Callable[[str], None]:
    """A check that every line has a form."""

    def check(text: str) -> None:
        wrong = [line for line in text.splitlines() if not pattern.fullmatch(line)]
        assert wrong == []

    return check


def check_concise(text: str) -> None:
    """Findings, then the lines that sum up."""
    lines = text.splitlines()
    found = [line for line in lines if CONCISE.fullmatch(line)]
    assert lines[: len(found)] == found and len(lines) - len(found) <= 4


def check_text(text: str) -> None:
    """Text without anything that a terminal obeys."""
    assert text.endswith("\n") and all(char.isprintable() or char == "\n" for char in text)


STRICT: dict[str, Callable[[str], None]] = {
    "azure": lines_of(AZURE),
    "concise": check_concise,
    "full": check_text,
    "github": lines_of(GITHUB),
    "gitlab": check_gitlab,
    "grouped": check_text,
    "html": check_html,
    "json": lambda text: valid(json.loads(text), findings_schema()),
    "json-lines": lambda text: valid([json.loads(line) for line in text.splitlines()], findings_schema()),
    "junit": check_junit,
    "markdown": lines_of(MARKDOWN),
    "pylint": lines_of(PYLINT),
    "rdjson": lambda text: valid(json.loads(text), schema("rdjson")),
    "sarif": lambda text: valid(json.loads(text), schema("sarif-2.1.0")),
}
