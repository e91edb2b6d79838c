"""A project with a leak, built by hand: findings, the sources they speak of, reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from putback.model.finding import Confidence, Finding, Severity, Step
from putback.model.fix import Applicability, Edit, Fix
from putback.model.report import Report, RuleCard
from putback.model.span import Position, Span

ORDERS = """\
@app.post("/orders/<int:order_id>/pay")
def pay(order_id):
    conn = get_db_connection()
    cur = conn.cursor()
    cur.execute(SQL, (order_id,))
    row = cur.fetchone()
    log.info("row %s", row)
    conn.commit()
    try:
        mail(row)
    except Exception as e:
        return {"error": str(e)}, 500
    release_db_connection(conn)
""".splitlines()
DB = ["pool = make_pool()", "", "def get_db_connection():", "    return pool.getconn()"]


def span(row: int, column: int, end_column: int, end_row: int = 0) -> Span:
    """A span in one row, unless `end_row` says otherwise."""
    return Span(Position(row, column), Position(end_row or row, end_column))


FIX = Fix(Applicability.SAFE, "Release in a finally", (Edit(span(4, 1, 1), "    try:\n"),))
LEAK = Finding(
    code="PB102",
    name="connection-leaked-on-exception",
    message="`conn` is not given back if `cur.execute()` raises.",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    path="shop/orders.py",
    filename="/srv/shop/orders.py",
    span=span(3, 12, 31),
    function="pay",
    driver="psycopg2",
    trace=(
        Step("shop/orders.py", span(3, 12, 31), "taken from the pool"),
        Step("shop/orders.py", span(5, 5, 34), "if this raises ..."),
        Step("shop/orders.py", span(12, 9, 38), "... the function ends here"),
    ),
    help="release it in a `finally`",
    fix=FIX,
    fingerprint="0123456789abcdef01234567",
    url="https://example.org/rules/connection-leaked-on-exception",
)


@dataclass
class Shop:
    """A small project with one leak in it."""

    files: dict[str, Sequence[str]] = field(default_factory=lambda: {"shop/orders.py": ORDERS, "shop/db.py": DB})
    leak: Finding = LEAK

    def finding(self, **changes: Any) -> Finding:
        """The leak, changed."""
        return replace(self.leak, **changes)

    def report(self, *findings: Finding, **more: Any) -> Report:
        """A report over twelve files."""
        return Report(findings, lambda path: self.files.get(path, ()), 12, **more)

    def mixed(self, **more: Any) -> Report:
        """A report with three findings of two rules."""
        closed = self.finding(
            code="PB104",
            name="pooled-connection-closed",
            severity=Severity.WARNING,
            confidence=Confidence.MEDIUM,
            path="shop/a, b: 100%.py",
            trace=(),
            fix=None,
            no_fix_reason="the owner is unknown",
            help="",
        )
        card = RuleCard("PB102", LEAK.name, "leak", Severity.ERROR, "Finds a leak.", "Finds a leak.\n\n## Why\n...")
        return self.report(self.leak, closed, self.leak, **{"rules": (card,), "version": "1.2", **more})
