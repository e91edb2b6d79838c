"""The formats that programs read: valid by their schemas, complete, stable."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # two calls need no stubs
import pytest
from report_shop import Shop, span

from putback.cli.cards import cards
from putback.model.finding import Severity
from putback.model.fingerprint import fingerprint, fingerprinted
from putback.model.report import Report, RuleCard
from putback.report import FORMATS, format_named
from putback.report.formats import github, sarif
from putback.report.formats import json as json_report

SARIF_SCHEMA = json.loads((Path(__file__).parent / "sarif-2.1.0.schema.json").read_text())


@pytest.fixture
def shop() -> Shop:
    """A small project with one leak in it."""
    return Shop()


def sarif_run(text: str) -> Any:
    """The only run of a SARIF log, validated."""
    content = json.loads(text)
    jsonschema.Draft202012Validator(SARIF_SCHEMA).validate(content)
    [run] = content["runs"]
    return run


def test_json_matches_its_schema(shop: Shop) -> None:
    schema = json.loads(resources.files("putback.report").joinpath("findings.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    for report in (shop.mixed(), Report(())):
        content = json.loads(json_report.render(report))
        jsonschema.validate(content, schema)
        assert len(content) == len(report.findings)


def station(row: int, column: int, end: int, text: str) -> dict[str, Any]:
    """A step of the path in the format json."""
    places = {"location": {"row": row, "column": column}, "end_location": {"row": row, "column": end}}
    return {"path": "shop/orders.py", "cell": None, **places, "text": text, "via": []}


def test_json_says_all_of_a_finding(shop: Shop) -> None:
    [item] = json.loads(json_report.render(shop.report(shop.leak)))
    assert item == {
        "code": "PB102",
        "name": "connection-leaked-on-exception",
        "message": "`conn` is not given back if `cur.execute()` raises.",
        "severity": "error",
        "confidence": "high",
        "filename": "/srv/shop/orders.py",
        "path": "shop/orders.py",
        "cell": None,
        "location": {"row": 3, "column": 12},
        "end_location": {"row": 3, "column": 31},
        "function": "pay",
        "driver": "psycopg2",
        "trace": [
            station(3, 12, 31, "taken from the pool"),
            station(5, 5, 34, "if this raises ..."),
            station(12, 9, 38, "... the function ends here"),
        ],
        "fix": {
            "applicability": "safe",
            "message": "Release in a finally",
            "edits": [
                {
                    "content": "    try:\n",
                    "location": {"row": 4, "column": 1},
                    "end_location": {"row": 4, "column": 1},
                }
            ],
        },
        "no_fix_reason": "",
        "fingerprint": "0123456789abcdef01234567",
        "url": "https://example.org/rules/connection-leaked-on-exception",
    }


def test_json_statistics(shop: Shop) -> None:
    assert json.loads(json_report.statistics(shop.mixed())) == [
        {"code": "PB102", "name": "connection-leaked-on-exception", "count": 2, "fixable": 2},
        {"code": "PB104", "name": "pooled-connection-closed", "count": 1, "fixable": 0},
    ]


def test_sarif_is_valid_and_complete(shop: Shop) -> None:
    run = sarif_run(sarif.render(shop.mixed()))
    assert run["columnKind"] == "unicodeCodePoints"
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("putback", "1.2")
    assert [rule["id"] for rule in driver["rules"]] == ["PB102", "PB104"]
    assert driver["rules"][0]["properties"]["precision"] == "high"
    assert driver["rules"][0]["helpUri"] == "https://example.org/rules/connection-leaked-on-exception"
    first, second, _ = run["results"]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "shop/orders.py", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 3, "startColumn": 12, "endLine": 3, "endColumn": 31}
    assert first["partialFingerprints"]["putback/v1"] == "0123456789abcdef01234567"
    [flow] = first["codeFlows"]
    steps = [step["location"]["message"]["text"] for step in flow["threadFlows"][0]["locations"]]
    assert steps == ["taken from the pool", "if this raises ...", "... the function ends here"]
    assert [place["id"] for place in first["relatedLocations"]] == [1, 2]
    assert first["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"] == {"text": "    try:\n"}
    assert second["properties"]["noFixReason"] == "the owner is unknown"
    assert second["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "shop/a%2C%20b%3A%20100%25.py"
    assert (first["level"], second["level"]) == ("error", "warning")
    assert [result["ruleIndex"] for result in run["results"]] == [0, 1, 0]


def test_sarif_carries_the_rules_that_it_uses(shop: Shop) -> None:
    known = (*cards(), RuleCard("PB999", "never-found", "", Severity.ERROR))
    assert sarif_run(sarif.render(Report((), rules=known)))["tool"]["driver"]["rules"] == []
    run = sarif_run(sarif.render(replace(shop.mixed(), rules=known)))
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == sorted({result["ruleId"] for result in run["results"]})
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    assert all(rule["help"]["markdown"] for rule in rules)


def test_sarif_without_findings_and_statistics_are_valid(shop: Shop) -> None:
    assert sarif_run(sarif.render(Report(())))["results"] == []
    run = sarif_run(sarif.statistics(shop.mixed()))
    assert (run["results"], run["properties"]["statistics"]) == ([], {"PB102": 2, "PB104": 1})


def test_github_commands(shop: Shop) -> None:
    first, second, _ = github.render(shop.mixed()).splitlines()
    assert first == (
        "::error title=putback (PB102),file=shop/orders.py,line=3,col=12,endLine=3,endColumn=31::"
        "shop/orders.py:3:12: PB102 connection-leaked-on-exception: `conn` is not given back if `cur.execute()` raises."
        "%0A1. shop/orders.py:3: taken from the pool%0A2. shop/orders.py:5: if this raises ..."
        "%0A3. shop/orders.py:12: ... the function ends here%0Ahelp: release it in a `finally`"
        "%0Asafe fix: putback fix shop/orders.py"
    )
    assert second.startswith("::warning title=putback (PB104),file=shop/a%2C b%3A 100%25.py,line=3,")
    assert "::shop/a, b: 100%25.py:3:12: " in second


def test_a_message_cannot_forge_a_github_command(shop: Shop) -> None:
    finding = shop.finding(message="x\n::error::forged", trace=(), help="")
    assert github.render(shop.report(finding)).count("\n") == 1


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_copes_with_every_path(shop: Shop, name: str) -> None:
    finding = shop.finding(path="shop/\udcff\n\x1b[1m.py", filename="/w/shop/\udcff.py")
    form = format_named(name)
    for text in (form.render(shop.report(finding)), form.statistics(shop.report(finding))):
        assert text.endswith("\n")
        assert "\x1b" not in text


def test_a_fingerprint_survives_reformatting_and_moving(shop: Shop) -> None:
    one = fingerprint("a.py", "PB101", "f", "take(1, 2)", 0)
    assert one == fingerprint("a.py", "PB101", "f", "take(\n    1,\n    2,\n)", 0)
    others = [
        ("b.py", "PB101", "f", 0),
        ("a.py", "PB102", "f", 0),
        ("a.py", "PB101", "g", 0),
        ("a.py", "PB101", "f", 1),
    ]
    marks = {fingerprint(path, code, function, "take(1, 2)", at) for path, code, function, at in others}
    assert len(marks | {one}) == 5


def test_equal_places_get_different_fingerprints(shop: Shop) -> None:
    findings = [shop.finding(span=span(row, 1, 9)) for row in (30, 10, 20)]
    marked = fingerprinted(findings, lambda finding: "take()")
    moved = fingerprinted([shop.finding(span=span(row, 1, 9)) for row in (31, 12, 25)], lambda finding: "take()")
    assert [each.span.start.row for each in marked] == [10, 20, 30]
    assert len({each.fingerprint for each in marked}) == 3
    assert [each.fingerprint for each in marked] == [each.fingerprint for each in moved]
