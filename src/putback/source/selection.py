"""Which rules run where: selectors are codes, code prefixes, kebab-case names or `ALL`.

The more exact selector wins (`ignore = ["PB1"]` with `extend-select = ["PB101"]` keeps PB101); between
equally exact ones the ignoring wins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from putback.model.config import Config
from putback.model.errors import ConfigError
from putback.model.finding import Finding, Severity
from putback.model.fix import Applicability

EXACT = 100
NO_CODES: frozenset[str] = frozenset()


class Named(Protocol):
    """What selection needs to know of a rule; a true attribute `opt_in` keeps it out of the default set.

    Unless fixes are written in the style that it names as its `style`.
    """

    @property
    def code(self) -> str: ...
    @property
    def name(self) -> str: ...


def strength(selector: str, code: str, name: str) -> int:
    """How exactly `selector` names the rule: 0 not at all, 1 `ALL`, longer prefixes more, itself `EXACT`."""
    if selector == "ALL":
        return 1
    if selector.upper() == code or selector.lower() == name:
        return EXACT
    is_prefix = selector.upper().startswith("PB") and code.startswith(selector.upper())
    return len(selector) if is_prefix else 0


def strongest(selectors: Iterable[str], rule: Named) -> int:
    """The strength of the most exact of `selectors` for `rule`."""
    return max((strength(each, rule.code, rule.name) for each in selectors), default=0)


def enabled(rules: Sequence[Named], config: Config) -> frozenset[str]:
    """The codes of the rules that `config` asks for; raises ConfigError for a selector that names none."""
    check_selectors(rules, config)
    return frozenset(rule.code for rule in rules if wanted(rule, config) > strongest(config.ignore, rule))


def wanted(rule: Named, config: Config) -> int:
    """How strongly `rule` is asked for. Rules about the run itself (PB0) need no asking."""
    asked = strongest((*(config.select or ()), *config.extend_select), rule)
    left_out = getattr(rule, "opt_in", False) and getattr(rule, "style", None) is not config.fix_style
    by_default = (config.select is None or rule.code.startswith("PB0")) and not left_out
    return max(asked, int(by_default))


def ignored_in_file(rules: Sequence[Named], config: Config) -> Callable[[str], frozenset[str]]:
    """A function from an absolute path to the codes that `per-file-ignores` switches off there."""
    if not config.per_file_ignores:
        return lambda path: NO_CODES
    from putback.source.patterns import configured

    table = [
        (configured("per-file-ignores", pattern), codes_of(rules, selectors))
        for pattern, selectors in config.per_file_ignores.items()
    ]
    root = config.root.rstrip("/") + "/"

    def ignored(path: str) -> frozenset[str]:
        name = path.removeprefix(root).lstrip("/")
        return NO_CODES.union(*(codes for spec, codes in table if spec.match_file(name)))

    return ignored


def codes_of(rules: Sequence[Named], selectors: Sequence[str]) -> frozenset[str]:
    """The codes of the rules that one of `selectors` names."""
    return frozenset(rule.code for rule in rules if strongest(selectors, rule))


def severity_of(rule: Named, default: Severity, config: Config) -> Severity:
    """The severity of a finding of `rule`: what the most exact entry of `severity` says, else `default`."""
    ranked = sorted(config.severity, key=lambda each: strength(each, rule.code, rule.name))
    if ranked and strength(ranked[-1], rule.code, rule.name):
        return config.severity[ranked[-1]]
    return default


def with_configured_fix(finding: Finding, config: Config) -> Finding:
    """`finding` with its fix as safe as the configuration calls it, or without one and the reason."""
    if finding.fix is None:
        nothing_said = not finding.no_fix_reason and not finding.code.startswith("PB0")
        return replace(finding, no_fix_reason="there is none for this rule") if nothing_said else finding
    if strongest(config.fixable, finding) <= strongest(config.unfixable, finding):
        return replace(finding, fix=None, no_fix_reason=f"the configuration leaves {finding.code} unfixed")
    safe, unsafe = strongest(config.extend_safe_fixes, finding), strongest(config.extend_unsafe_fixes, finding)
    if not safe and not unsafe:
        return finding
    called = Applicability.SAFE if safe > unsafe else Applicability.UNSAFE
    return replace(finding, fix=replace(finding.fix, applicability=called))


def check_selectors(rules: Sequence[Named], config: Config) -> None:
    """Raise ConfigError for the first selector in `config` that names no rule."""
    for key, selector in all_selectors(config):
        if selector != "ALL" and not codes_of(rules, [selector]):
            hint = did_you_mean(selector, [word for rule in rules for word in (rule.code, rule.name)])
            raise ConfigError(f'`{key}` names no rule: "{selector}"{hint}')


def all_selectors(config: Config) -> Iterator[tuple[str, str]]:
    """Every selector in `config` with the key it stands under."""
    lists = (
        ("select", config.select or ()),
        ("extend-select", config.extend_select),
        ("ignore", config.ignore),
        ("fixable", config.fixable),
        ("unfixable", config.unfixable),
        ("extend-safe-fixes", config.extend_safe_fixes),
        ("extend-unsafe-fixes", config.extend_unsafe_fixes),
    )
    for key, selectors in (*lists, ("severity", tuple(config.severity))):
        yield from ((key, selector) for selector in selectors)
    for pattern, selectors in config.per_file_ignores.items():
        yield from ((f'per-file-ignores."{pattern}"', selector) for selector in selectors)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The tail of an error message: the known words nearest to `word`, "" when none is near."""
    found = near(word, known)
    return f"; did you mean {' or '.join(found)}?" if found else ""


def near(word: str, known: Iterable[str]) -> list[str]:
    """The known words nearest to `word`, none when there is none near; digits are often mistaken for letters."""
    from difflib import get_close_matches

    spelled = {each.lower(): each for each in known}
    mistyped = word.lower().translate(str.maketrans("oil", "011")).replace("p8", "pb")
    found = [mistyped] if mistyped in spelled else get_close_matches(word.lower(), spelled, n=2, cutoff=0.6)
    return [spelled[each] for each in found]
