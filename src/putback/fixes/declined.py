"""Why a fix is not offered."""

from __future__ import annotations

import libcst as cst


class Declined(Exception):
    """No fix here; the message says why in a few words that follow "no fix: "."""

    @property
    def reason(self) -> str:
        """The words."""
        return str(self.args[0])


class SharedRow(Declined):
    """No fix as the rows are: `node` stands in a statement that shares its row with another."""

    def __init__(self, reason: str, node: cst.CSTNode) -> None:
        super().__init__(reason)
        self.node = node
