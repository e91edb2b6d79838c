"""Text that a terminal or a page prints and does not obey: whatever a file, a name or the code under test says."""

from __future__ import annotations

import unicodedata

_CONTROLS = 0x2400  # where Unicode has pictures of the control characters


def printable(char: str) -> str:
    """`char`, or a stand-in when it is a control character or changes the direction of the text."""
    category = unicodedata.category(char)
    if char < " ":
        return chr(_CONTROLS + ord(char))
    if category in ("Cc", "Cs", "Zl", "Zp") or (category == "Cf" and unicodedata.bidirectional(char) != "BN"):
        return "\N{REPLACEMENT CHARACTER}"
    return char


def harmless(text: str, kept: str = "") -> str:
    """`text` with a stand-in for each character that would be obeyed, but for those `kept`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char in kept else printable(char) for char in text)


def harmless_lines(text: str) -> str:
    """The same, and its lines stay lines."""
    return harmless(text, kept="\n")
