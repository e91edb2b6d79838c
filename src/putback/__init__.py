"""putback finds database connections that are taken from a pool and not given back.

`check` and `fix` are the library, `putback.pool` is for programs that run; everything else is private. This module
imports nothing by itself: what is asked of it is loaded then.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing takes longer than all of this
if TYPE_CHECKING:
    from collections.abc import Sequence

    from putback.model.config import Config
    from putback.model.finding import Finding
    from putback.model.fixing import FixResult

    __version__: str


def check(paths: Sequence[str], config: Config | None = None) -> list[Finding]:
    """The findings in the files at and below `paths`, in the order of path and place.

    Raises `putback.model.errors.PutbackError` for a path or a setting that makes no sense, never for what a file
    contains.
    """
    from putback.pipeline import check as pipeline

    return list(pipeline.check(paths, config).findings)


def fix(source: str, filename: str = "source.py", config: Config | None = None) -> FixResult:
    """`source` with its safe fixes, and with the unsafe ones if `config` asks for them; nothing is written.

    `filename` says where the text stands: in which project, for wrappers in other modules. Text that does not parse
    comes back unchanged, with the finding PB001.
    """
    from putback.pipeline.fix import fix_source

    return fix_source(source, filename, config)


def __getattr__(name: str) -> str:
    if name == "__version__":
        from putback.model.version import VERSION

        return VERSION
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
