"""Procedures that need I/O, written once for threads and for tasks.

A procedure is a generator: it yields the calls to make, in order, and gets back what each of them gave or raised. For
threads they are made one after the other; for tasks what they give is awaited. Nothing else differs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

T = TypeVar("T")

Call = Callable[[], Any]
Procedure = Generator[Call, Any, T]


class Exited(BaseException):
    """Carries a GeneratorExit into a procedure. As itself it would pass by everything there that has something to put
    in order: Python closes what a generator delegates to."""

    def __init__(self, error: GeneratorExit) -> None:
        super().__init__(error)
        self.error = error


def run(procedure: Procedure[T]) -> T:
    """Make the calls in this thread."""
    try:
        call = next(procedure)
        while True:
            try:
                result = call()
            except BaseException as error:
                call = procedure.throw(_carried(error))
            else:
                call = procedure.send(result)
    except StopIteration as end:
        value: T = end.value
        return value
    except Exited as end:
        raise end.error from None


async def run_async(procedure: Procedure[T]) -> T:
    """Make the calls in this task, and await what they give; where that is closed while it waits, as far as can be
    done without."""
    try:
        call = next(procedure)
        while True:
            try:
                result = call()
                if hasattr(result, "__await__"):
                    try:
                        result = await result
                    except GeneratorExit as error:  # nobody may wait here any more
                        return run_out(procedure, error)
            except BaseException as error:
                call = procedure.throw(_carried(error))
            else:
                call = procedure.send(result)
    except StopIteration as end:
        value: T = end.value
        return value
    except Exited as end:
        raise end.error from None


def run_out(procedure: Procedure[T], error: GeneratorExit | None = None) -> T:
    """Make the calls that are left where nobody can wait: all, or those behind one that has raised. One that has to be
    awaited is given up, and counts as closed while it waited."""
    try:
        call = next(procedure) if error is None else procedure.throw(Exited(error))
        while True:
            try:
                result = _without_waiting(call)
            except BaseException as raised:
                call = procedure.throw(_carried(raised))
            else:
                call = procedure.send(result)
    except StopIteration as end:
        value: T = end.value
        return value
    except Exited as end:
        raise end.error from None


def _without_waiting(call: Call) -> Any:
    result = call()
    if not hasattr(result, "__await__"):
        return result
    if hasattr(result, "close"):
        result.close()
    raise GeneratorExit


def _carried(error: BaseException) -> BaseException:
    return Exited(error) if isinstance(error, GeneratorExit) else error


async def maybe(result: Any) -> Any:
    """The result of a call that may be asynchronous."""
    return await result if hasattr(result, "__await__") else result


def attempt(call: Call) -> Procedure[BaseException | None]:
    """Make a call whose result does not matter. Gives what it raised, an interruption or a cancellation too: whoever
    asks has something to put in order before that may go on."""
    try:
        yield call
    except GeneratorExit:  # nobody makes calls any more
        raise
    except Exited as exited:
        return exited.error
    except BaseException as error:
        return error
    return None
