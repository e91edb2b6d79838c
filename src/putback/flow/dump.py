"""Blocks as text, for `--debug` and the tests.

    def load(path) generator
    block 0  on exception: block 3
         2  conn = take()
            branch conn is None: 1 else 2

The number before an operation is its row, `%3` a temporary, `with#1` a hidden variable, `?` a constant or a condition
that is not looked into. What can raise goes to the handler in the block's first line, or leaves the function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from putback.flow import ir

Row = Callable[[int], int]


def dump(function: ir.FunctionIR, row: Row) -> str:
    """All blocks of a function; `row` gives the source row of an operation."""
    return "\n".join([heading(function), *(line for block in function.blocks for line in _block(block, row))])


def heading(function: ir.FunctionIR) -> str:
    """The name and parameters, and what sort of function it is."""
    names = ", ".join(f"{'' if p.kind == 'kw' else p.kind}{p.name}" for p in function.params)
    asynchronous = "async " if function.is_async else ""
    return f"{asynchronous}def {function.qualname}({names}){' generator' if function.is_generator else ''}"


def _block(block: ir.Block, row: Row) -> Iterator[str]:
    handler = "leaves" if block.handler is None else f"block {block.handler}"
    yield f"block {block.id}  on exception: {handler}"
    for op in block.ops:
        yield f"{row(op.at):6}  {operation(op)}"
    yield f"        {terminator(block.end)}"


def shown(value: ir.Val) -> str:
    """A value, constants without their mark."""
    return value.removeprefix("=")


def _listed(values: Iterable[ir.Val]) -> str:
    return ", ".join(shown(v) for v in values)


def operation(op: ir.Op) -> str:
    """One operation on one line, without its position."""
    match op:
        case ir.Assign(target=target, source=source):
            return f"{target} = {shown(source)}"
        case ir.StoreGlobal(name=name, source=source):
            return f"global {name} = {shown(source)}"
        case ir.Attr(target=target, base=base, name=name):
            return f"{target} = {shown(base)}.{name}"
        case ir.StoreAttr(base=base, name=name, source=source):
            return f"{shown(base)}.{name} = {shown(source)}"
        case ir.Item(target=target, base=base, index=index):
            return f"{target} = {shown(base)}[{'...' if index is None else repr(index)}]"
        case ir.StoreItem(base=base, source=source):
            return f"{shown(base)}[...] = {shown(source)}"
        case ir.Unpack(targets=targets, source=source):
            return f"{', '.join(targets)} = unpack {shown(source)}"
        case ir.Build(target=target, elements=elements, is_tuple=is_tuple):
            return f"{target} = {'tuple' if is_tuple else 'build'} {_listed(elements)}"
        case ir.Read(name=name):
            return f"read {name}"
        case ir.Compute(target=target, operands=operands):
            return f"{target} = compute {_listed(operands)}"
        case ir.Call():
            return _call(op)
        case _:
            return _other(op)


def _call(op: ir.Call) -> str:
    marks = f"{' awaited' if op.awaited else ''}{' dropped' if op.discarded else ''}"
    callee = f"{shown(op.receiver)}.{op.name}" if op.receiver else shown(op.callee)
    return f"{op.target} = call {callee}({', '.join(_argument(a) for a in op.arguments)}){marks}"


def _argument(argument: ir.Argument) -> str:
    if argument.keyword:
        return f"{argument.keyword}={shown(argument.value)}"
    return f"*{shown(argument.value)}" if argument.star else shown(argument.value)


def _other(op: ir.Op) -> str:
    """Operations that suspend, enter, leave or define."""
    match op:
        case ir.Await(target=target, source=source, direct=direct):
            return f"{target} = await {shown(source)}{' (raises in the call)' if direct else ''}"
        case ir.Enter(target=target, manager=manager, is_async=is_async):
            return f"{target} = {_async(is_async)}enter {manager}"
        case ir.Exit(manager=manager, is_async=is_async, exceptional=exceptional):
            return f"{_async(is_async)}exit {manager}{' with exception' if exceptional else ''}"
        case ir.Next(target=target, source=source, is_async=is_async):
            return f"{target} = {_async(is_async)}next {source}"
        case ir.Yield(target=target, source=source, delegate=delegate):
            return f"{target} = yield {'from ' if delegate else ''}{shown(source)}"
        case ir.Closure(target=target, qualname=qualname, captured=captured):
            return f"{target} = closure {qualname} captures {', '.join(captured) or 'nothing'}"
        case ir.Decorate(target=target, source=source):
            return f"{target} = decorated {source}"
        case ir.NestedClass(target=target, methods=methods):
            return f"{target} = class of {_listed(methods) or 'nothing'}"
        case ir.Catch(name=name):
            return f"catch {name}".rstrip()
        case ir.EndCatch():
            return "end of catch"
        case ir.Leave(how=how):
            return f"leave by {how}"
        case ir.Delete(name=name):
            return f"del {name}"
        case _:
            return type(op).__name__.lower()


def _async(is_async: bool) -> str:
    return "async " if is_async else ""


def terminator(end: ir.Terminator) -> str:
    """Where a block goes on."""
    match end:
        case ir.Jump(target=target):
            return f"jump {target}"
        case ir.Branch(test=test, then=then, orelse=orelse):
            return f"branch {condition(test)}: {then} else {orelse}"
        case ir.Return(value=value):
            return f"return {shown(value)}"
        case ir.Raise(type=type_, value=value):
            return f"raise {type_ or value or 'again'}"
        case ir.Dispatch(clauses=clauses):
            return "dispatch " + ", ".join(f"{' | '.join(c.types) or 'anything'}: {c.target}" for c in clauses)
        case ir.Resume(swallowed=swallowed):
            return "resume exception" if swallowed is None else f"resume exception, swallowed: {swallowed}"
        case ir.Unreachable():
            return "unreachable"


def condition(test: ir.Test) -> str:
    """What a branch asks; a key in brackets ties branches on the same condition together."""
    key = f" [{test.key}]" if test.key and test.key != test.subject else ""
    match test.kind:
        case "truth":
            return f"{test.subject}{key}"
        case "none":
            return f"{test.subject} is None{key}"
        case "equal":
            return f"{test.subject} == {shown(test.other)}{key}"
        case "isinstance":
            return f"isinstance {test.subject}{key}"
        case "bound":
            return f"{test.subject} is bound{key}"
        case "has":
            return f"{test.subject} has {test.other}{key}"
        case _:
            return f"?{key}"
