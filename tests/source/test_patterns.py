"""Exclude patterns: they mean what pathspec says, and none takes long."""

from __future__ import annotations

import random

import pytest
from pathspec import GitIgnoreSpec
from pathspec.pattern import RegexPattern

from putback.source.patterns import bounded, readable, spec_of


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 40 + "*b", "a" * 250),
        ("*a?" * 40 + "b", "a" * 250),
        ("**" * 60 + "b", "a" * 250),
        ("*[ab]" * 40 + "c", "ab" * 120),
        ("**/a" * 40 + "/b", "a/" * 200 + "c"),
        ("x/" + "**/a*a/" * 30 + "b", "x/" + "aa/" * 200 + "c"),
        ("*.a" * 40 + "b/", ".a" * 120 + "/"),
    ],
)
def test_no_pattern_tries_every_way(pattern: str, path: str) -> None:
    assert spec_of([pattern]).check_file(path).include is None  # before, it would have taken years


def test_patterns_mean_what_they_did() -> None:
    chance = random.Random(7)
    parts = ["*", "**/", "/", "a", "b", "?", "[ab]", "[.b]", "**", "\\*", ".", "/**", "!"]
    for _ in range(3000):
        pattern = "".join(chance.choices(parts, k=chance.randint(1, 7)))
        try:
            known = GitIgnoreSpec.from_lines([pattern])
        except ValueError:
            continue
        spec = spec_of([pattern])
        for _ in range(12):
            names = ("".join(chance.choices("ab.*", k=chance.randint(1, 4))) for _ in range(chance.randint(1, 4)))
            path = "/".join(names)
            for each in (path, f"{path}/"):
                assert spec.check_file(each).include == known.check_file(each).include, (pattern, each)


def test_ordinary_patterns_stay_as_they_are() -> None:
    for line in ("build", "*.py", "gen/*.py", "docs/**/conf.py"):
        (pattern,) = GitIgnoreSpec.from_lines([line]).patterns
        assert isinstance(pattern, RegexPattern)
        assert pattern.regex is not None
        assert bounded(str(pattern.regex.pattern)) == pattern.regex.pattern


def test_a_line_without_a_meaning() -> None:
    with pytest.raises(ValueError, match="bad character range z-a"):
        spec_of(["[z-a]"])
    assert readable(["a", "[z-a]", "b\\", "# c"]) == ["a", "# c"]
