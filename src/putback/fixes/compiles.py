"""Whether Python takes a file: stricter than a parse, which lets `await` pass outside of an `async def`."""

from __future__ import annotations

import warnings


def syntax_fault(data: bytes) -> str:
    """Why the running Python cannot compile a file, "" if it can. Nothing is executed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(data, "<fixed>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"{error.msg} in line {error.lineno or 1}"
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error) or "it is nested too deeply"
    return ""
