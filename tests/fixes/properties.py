"""What every fix promises, as one check of a generated module."""

from __future__ import annotations

import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator

from grammar import Module
from mending import Mender, with_fix
from oracle import differences

from putback.model.finding import Finding
from putback.model.fix import Applicability
from putback.rules import MENDINGS

Identity = tuple[str, str]
LEAKS = ("PB101", "PB102", "PB103", "PB107", "PB109")


def broken_promises(module: Module, mender: Mender) -> Iterator[str]:
    """What the fixes of a module do wrong."""
    text = module.text
    found = mender.findings(text)
    for finding in found:
        if finding.fix is not None:
            yield from _alone(module, finding, found, mender)
    after = mender.mended(text)
    if after == text:
        return
    left = {finding.function for finding in mender.findings(after)}
    safe = all(f.fix is None or f.fix.applicability is Applicability.SAFE for f in found)
    for function in module.functions:
        yield from differences(text, after, function, function not in left, safe)


def _alone(module: Module, finding: Finding, found: tuple[Finding, ...], mender: Mender) -> Iterator[str]:
    """What one fix does wrong, applied alone."""
    after = with_fix(module.text, finding)
    try:
        compile(after, "fixed.py", "exec")
    except SyntaxError as error:
        yield f"{finding.code}: does not parse: {error}\n{after}"
        return
    was = Counter(map(_identity, found))
    now = Counter(_identity(each) for each in mender.findings(after) if not MENDINGS[each.code].may_come(each))
    if now[_identity(finding)] >= was[_identity(finding)]:
        yield f"{finding.code}: is still there"
    if now - was:
        yield f"{finding.code}: the fix adds {dict(now - was)}"
    if comments(module.text) - comments(after):
        yield f"{finding.code}: loses {dict(comments(module.text) - comments(after))}"
    if not _is_whole(module, after):
        yield f"{finding.code}: changes text outside of the functions"
    if after.count("\n") != after.count("\r\n") and "\r\n" in module.text:
        yield f"{finding.code}: mixes line ends"


_IMPORT = re.compile(r"^from contextlib import closing\r?\n", re.MULTILINE)


def _identity(finding: Finding) -> Identity:
    """What a finding says. One connection has one finding that it leaks, whatever the rule that puts it best."""
    return finding.function, "leak" if finding.code in LEAKS else finding.code


def _is_whole(module: Module, after: str) -> bool:
    """Whether what stands outside of the generated functions is as it was, byte by byte, but for an import."""
    after = _IMPORT.sub("", after, count=1)
    first, *rest = module.fixed_parts
    if not after.startswith(first) or not after.endswith(rest[-1]):
        return False
    at = len(first)
    for part in rest:
        at = after.find(part, at)
        if at < 0:
            return False
    return True


def comments(text: str) -> Counter[str]:
    """The comments of a module."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return Counter(token.string.strip() for token in tokens if token.type == tokenize.COMMENT)
