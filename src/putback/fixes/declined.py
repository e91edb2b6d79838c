"""Why a fix is not offered."""

from __future__ import annotations


class Declined(Exception):
    """No fix here; the message says why in a few words that follow "no fix: "."""

    @property
    def reason(self) -> str:
        """The words."""
        return str(self.args[0])
