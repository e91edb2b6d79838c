"""What a fix would change: byte splices with the promise that goes with them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from putback.model.span import Span


class Applicability(Enum):
    """How far a fix can be trusted: a safe one keeps behaviour on every path that did not leak."""

    SAFE = "safe"
    UNSAFE = "unsafe"


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the text in `span` by `content`; an empty span inserts."""

    span: Span
    content: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that mend one finding; `message` says in one sentence what they do.

    `rolls_back_plainly`: when the connection is lost, the rollback that it writes raises in place of what the handler
    answers. That is what the explicit style asks for, and is told. `holds_longer`: on some path that did not leak the
    connection goes back later than before, behind what may take time.
    """

    applicability: Applicability
    message: str
    edits: tuple[Edit, ...]
    rolls_back_plainly: bool = False
    holds_longer: bool = False
