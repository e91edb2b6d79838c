"""JUnit's XML, as Jenkins and GitLab read it: a suite for each file, a failed test for each finding."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from putback.model.finding import Finding
from putback.model.printable import harmless_lines
from putback.model.report import Report
from putback.report import Traits
from putback.report.counts import by_rule
from putback.report.display import safe
from putback.report.places import file_of, place_of
from putback.report.story import story

TRAITS = Traits(names=(".xml",))


def render(report: Report) -> str:
    """The suites; a run that finds nothing is a test that holds, for servers take no tests at all for a mistake."""
    suites = top(len(report.findings))
    for path, group in groupby(report.findings, key=file_of):
        add_suite(suites, path, list(group))
    if not report.findings:
        passed = suite_in(suites, "putback", tests=1, failures=0)
        SubElement(passed, "testcase", name=f"no connection leaks in {report.files} files", classname="putback")
    return to_text(suites)


def statistics(report: Report) -> str:
    """One failed test for each rule."""
    rules = by_rule(report.findings)
    suites = top(len(rules))
    suite = suite_in(suites, "putback", tests=len(rules), failures=len(rules))
    for rule in rules:
        case = SubElement(suite, "testcase", name=f"{rule.code} {rule.name}", classname="putback")
        SubElement(case, "failure", message=f"{rule.count} found", type=rule.code)
    return to_text(suites)


def top(failures: int) -> Element:
    """The element around all suites."""
    return Element("testsuites", name="putback", tests=str(max(failures, 1)), failures=str(failures), errors="0")


def suite_in(suites: Element, name: str, *, tests: int, failures: int) -> Element:
    """One suite."""
    counts = {"tests": str(tests), "failures": str(failures), "errors": "0", "skipped": "0"}
    return SubElement(suites, "testsuite", {"name": name, **counts})


def add_suite(suites: Element, path: str, findings: Sequence[Finding]) -> None:
    """The findings of one file."""
    suite = suite_in(suites, path, tests=len(findings), failures=len(findings))
    module = path.removesuffix(".py").replace("/", ".")
    for each in findings:
        name = f"{each.code} {each.name} at {place_of(each)}"
        case = SubElement(suite, "testcase", name=name, classname=f"{module}.{safe(each.function)}".rstrip("."))
        failure = SubElement(case, "failure", message=safe(each.message), type=each.severity.value)
        failure.text = harmless_lines("\n".join([f"{place_of(each)}: {safe(each.message)}", *story(each)]))


def to_text(top: Element) -> str:
    """The document."""
    indent(top)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(top, encoding="unicode") + "\n"
