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


def run(procedure: Procedure[T]) -> T:
    """Make the calls in this thread."""
    try:
        call = next(procedure)
        while True:
            try:
                result = call()
            except BaseException as error:
                call = procedure.throw(error)
            else:
                call = procedure.send(result)
    except StopIteration as end:
        value: T = end.value
        return value


async def run_async(procedure: Procedure[T]) -> T:
    """Make the calls in this task, and await what they give."""
    try:
        call = next(procedure)
        while True:
            try:
                result = await maybe(call())
            except BaseException as error:
                call = procedure.throw(error)
            else:
                call = procedure.send(result)
    except StopIteration as end:
        value: T = end.value
        return value


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
    except BaseException as error:
        return error
    return None
