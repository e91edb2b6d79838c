"""The words that the transfer functions leave in states and explorations: for summaries, facts and rules."""

from __future__ import annotations

# what a function returned, among the `refs` of a state at its end

RETURNED = "<returned>"
RETURNED_NONE = "<returned None>"
RETURNED_OWNER = "<returned owner>"
RETURNED_CLOSED = "<returned closed>"

# what belongs to the connection and is no type of a driver, among the `children` of a state

CARRIER = "<carrier>"
CLOSING = "<closing>"
BORROWING = "<borrowing>"
CLOSURE = "<closure>"
MANAGING = "<managing>"
RELEASER = "<releaser>"
BOUND_CLOSE = "<releaser>close"
TUPLE = "<tuple>"
PARTIAL = "<partial>"
MANAGER = "<manager>"
OWNED = "owner#"
OWNERS = (CARRIER, CLOSING, CLOSURE, RELEASER, TUPLE, PARTIAL, MANAGER)

# what may keep the connection, or need it later, and says nothing of who owns it, among the `children` of a state

NEEDING = "<needing>"
STREAM = "<stream>"
BOUND = "<bound>"
LENDER = "<lender>"
RESUMED = "<resumed>"
THROWN = "<thrown>"
NAMES = "<names>"
BORROWERS = (NEEDING, STREAM, BOUND, LENDER, RESUMED)

# what an operation showed, as defects of an exploration

LOST = "lost"
YIELDED = "yielded"
TWICE = "released-twice"
AFTER = "used-after-release"
UNAWAITED = "release-not-awaited"
UNBOUND = "release-of-unbound"
READ_UNBOUND = "unbound-read:"
UNBOUND_BESIDE = "unbound-beside:"
UNENTERED = "never-entered"
WITH_KEEPS = "with-keeps"
CLOSING_KEEPS = "closing-keeps"
UNMENDED_USED = "unmended-used"
KEPT = "may-be-kept"
LATER = "may-be-used-later"

# a fact about the connection: statements open no transaction

AUTOCOMMIT = "#autocommit"

# a fact about a session: it has been given something that its next commit writes

UNWRITTEN = "#unwritten"

ABOUT_CONNECTION = (AUTOCOMMIT, UNWRITTEN)

# the end of the key of `x is None`, which is remembered with `x`: one decides about a connection like the other

IS_NONE = " None"
