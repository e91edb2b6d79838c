"""Every format is valid by its schema or strict form, whatever is in the findings."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from report_shop import FIX, Shop, span
from strict import STRICT

from putback.model.finding import Step
from putback.model.report import Report
from putback.report import FORMATS, format_for, format_named
from putback.report.formats import azure, grouped, junit, markdown, pylint, rdjson
from putback.report.line_hash import line_hashes


@pytest.fixture
def shop() -> Shop:
    """A small project with one leak in it."""
    return Shop()


def test_every_format_has_a_strict_form() -> None:
    assert STRICT.keys() == set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_findings_are_valid(shop: Shop, name: str) -> None:
    via = (Step("shop/db.py", span(4, 12, 26), "taken from the pool in get_db_connection"),)
    trace = (replace(shop.leak.trace[0], via=via), *shop.leak.trace[1:])
    first = shop.finding(trace=trace, fingerprint="1")
    odd = shop.finding(path="shop/a b%3B;].py", message="x ::error::y\n##vso[z]", fingerprint="2", fix=None)
    STRICT[name](format_named(name).render(shop.report(first, odd)))


@pytest.mark.parametrize("name", FORMATS)
def test_no_findings_are_valid(name: str) -> None:
    STRICT[name](format_named(name).render(Report(())))


@pytest.mark.parametrize("name", [each for each in FORMATS if each not in ("concise", "json", "json-lines", "pylint")])
def test_statistics_are_valid(shop: Shop, name: str) -> None:
    STRICT[name](format_named(name).statistics(shop.mixed()))


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("out.sarif", "sarif"),
        ("reports/out.sarif.json", "sarif"),
        ("out.JSON", "json"),
        ("gl-code-quality-report.json", "gitlab"),
        ("out.jsonl", "json-lines"),
        ("out.xml", "junit"),
        ("out.html", "html"),
        ("out.rdjson", "rdjson"),
        ("out.txt", "full"),
        ("sarif", None),
        ("out.py", None),
    ],
)
def test_a_format_is_known_by_the_name_of_its_file(file: str, name: str | None) -> None:
    assert format_for(file) == name


def test_columns_of_rdjson_are_bytes(shop: Shop) -> None:
    shop.files["shop/orders.py"] = ["接続 = take()"]
    place = span(1, 6, 12)
    finding = shop.finding(span=place, trace=(), fix=replace(FIX, edits=(replace(FIX.edits[0], span=place),)))
    [found] = json.loads(rdjson.render(shop.report(finding)))["diagnostics"]
    assert found["location"]["range"] == {"start": {"line": 1, "column": 10}, "end": {"line": 1, "column": 16}}
    assert found["suggestions"][0]["range"] == found["location"]["range"]


def test_several_edits_are_no_alternatives_in_rdjson(shop: Shop) -> None:
    fix = replace(FIX, edits=(*FIX.edits, replace(FIX.edits[0], span=span(9, 1, 1))))
    [found] = json.loads(rdjson.render(shop.report(shop.finding(fix=fix))))["diagnostics"]
    assert "suggestions" not in found


def test_grouped_names_each_file_once(shop: Shop) -> None:
    text = grouped.render(shop.report(shop.leak, shop.finding(span=span(12, 9, 38)), shop.finding(path="shop/db.py")))
    sentence = "connection-leaked-on-exception: `conn` is not given back if `cur.execute()` raises."
    assert text.startswith(
        f"shop/orders.py:\n  3:12  PB102 [*] {sentence}\n  12:9  PB102 [*] {sentence}\n\nshop/db.py:\n  3:12  PB102"
    )


def test_azure_knows_two_types(shop: Shop) -> None:
    first, second, _ = azure.render(shop.mixed()).splitlines()
    assert first.startswith(
        "##vso[task.logissue type=error;sourcepath=shop/orders.py;linenumber=3;columnnumber=12;code=PB102;]"
        "connection-leaked-on-exception: `conn` is not given back if `cur.execute()` raises.%0A1. shop/orders.py:3: "
    )
    assert ";sourcepath=shop/a, b: 100%AZP25.py;" in second


def test_pylint_names_the_function(shop: Shop) -> None:
    assert pylint.render(shop.report(shop.leak)) == (
        "shop/orders.py:3: [PB102(connection-leaked-on-exception), pay] "
        "`conn` is not given back if `cur.execute()` raises.\n"
    )


def test_a_run_without_findings_is_a_test_that_holds() -> None:
    assert '<testcase name="no connection leaks in 0 files" classname="putback" />' in junit.render(Report(()))


def test_hashes_of_rows_are_those_of_code_scanning() -> None:
    rows = [" hello; \t", "world!!!", "", "", "  \t\tGreetings", " End"]
    assert list(line_hashes(rows).values()) == [
        *("e9496ae3ebfced30:1", "fb7c023a8b9ccb3f:1", "ce8ba1a563dcdaca:1", "e20e36e16fcb0cc8:1"),
        *("b3edc88f2938467e:1", "c8e28b0b4002a3a0:1", "c129715d7a2bc9a3:1"),
    ]
    repeated = line_hashes(["Lorem ipsum dolor sit amet."] * 10)
    assert repeated[6] == "a7f2ff13bc495cf2:6" and repeated[7] == "a7f2ff1481e87703:1"
    assert len(line_hashes(["\N{GRINNING FACE}" * 60])) == 2


def test_markdown_shows_what_it_is_given_and_nothing_else(shop: Shop) -> None:
    odd = replace(shop.leak, message="`a|b` <b>@team</b> [x](y) *z* #1", trace=(), help="", fix=None)
    assert markdown.paragraph(odd).partition(": ")[2] == (r"`a|b` &lt;b&gt;@&#8203;team&lt;/b&gt; \[x\](y) \*z\* \#1")
