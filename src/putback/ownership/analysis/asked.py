"""What a function will still ask about: which names and conditions are tested, or read, at a block or behind it.

What is known of anything else cannot matter any more. Two paths that differ in nothing but that are one path, so what
nobody asks again is forgotten where a block begins; otherwise each condition would double the paths behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from putback.flow import ir
from putback.flow.builder import successors

IS_NONE = " None"
"""The end of the key of `x is None`, which is remembered with `x`: one decides about a connection like the other."""


class Asked:
    """What is tested or read in a block or behind it, for every block of a function.

    A name stands for a test of its value, "?" before a text for a condition, and "!" before a name for a use that
    depends on whether it is bound; a temporary stands for any use in another block than that which makes it.
    """

    def __init__(self, blocks: Sequence[ir.Block]) -> None:
        self._blocks = blocks
        asked = [key for b in blocks for key in (*_asked_at_end(b), *_asked_in(b))]
        copied = [o.source for b in blocks for o in b.ops if isinstance(o, ir.Assign)]
        self._bits = {key: 1 << position for position, key in enumerate(dict.fromkeys((*asked, *copied)))}
        self._about = self._by_name()
        self._live = self._solved()

    def asks(self, block: int, key: str) -> bool:
        """Whether anything from the start of a block on depends on what is known of `key`."""
        return bool(self._live[block] & self._bits.get(key, 0))

    def _by_name(self) -> Mapping[str, int]:
        """What is forgotten when a name is bound anew: all that is said of it and of its attributes."""
        found: Counter[str] = Counter()
        for key, bit in self._bits.items():
            about = {p for word in key[1:].split(" ") for p in _prefixes(word)} if key[:1] == "?" else {key.lstrip("!")}
            for name in about:
                found[name] |= bit
        return found

    def _solved(self) -> list[int]:
        """Backwards through the blocks until nothing changes; sets of keys are the bits of a number."""
        at_end = [self._all(_asked_at_end(block)) for block in self._blocks]
        effects = [list(self._effects(block)) for block in self._blocks]
        follow = [successors(block) for block in self._blocks]
        live = [0] * len(self._blocks)
        changed = True
        while changed:
            changed = False
            for number in range(len(self._blocks) - 1, -1, -1):
                found = at_end[number]
                for successor in follow[number]:
                    found |= live[successor]
                for asked, rebound, target, source in effects[number]:
                    is_copied = found & target
                    found = (found & ~rebound) | asked | (source if is_copied else 0)
                handler = self._blocks[number].handler
                if handler is not None:  # it is reached from the middle, before anything is bound anew
                    found |= live[handler]
                if found != live[number]:
                    live[number], changed = found, True
        return live

    def _effects(self, block: ir.Block) -> Iterator[tuple[int, int, int, int]]:
        """From the last operation on: what it asks, what it binds anew, and the target and source of a copy."""
        for op in reversed(block.ops):
            asked, rebound = self._all(_asked(op)), self._about.get(_bound_anew(op), 0)
            target, source = (op.target, op.source) if isinstance(op, ir.Assign) else ("", "")
            if asked or rebound or source:
                yield asked, rebound, self._bits.get(target, 0), self._bits.get(source, 0)

    def _all(self, keys: Iterable[str]) -> int:
        found = 0
        for key in keys:
            found |= self._bits.get(key, 0)
        return found


def _prefixes(word: str) -> list[str]:
    """A dotted name and all that it begins with.

    >>> _prefixes("self.pool.conn")
    ['self', 'self.pool', 'self.pool.conn']
    """
    return list(accumulate(word.split("."), "{}.{}".format))


def _asked_in(block: ir.Block) -> Iterator[str]:
    """What the operations of a block ask, but for its own temporaries."""
    made: set[ir.Val] = set()
    for op in block.ops:
        yield from (key for key in _asked(op) if key not in made)
        made.add(_bound_anew(op))


def _asked_at_end(block: ir.Block) -> Sequence[str]:
    match block.end:
        case ir.Branch(test=test):
            return (f"!{test.subject}",) if test.kind == "bound" else _tested(test)
        case ir.Return(value=value) | ir.Raise(value=value):
            return (value,)
        case _:
            return ()


def names_read(op: ir.Op) -> tuple[ir.Val, ...]:
    """The names that the operation reads."""
    match op:
        case ir.Read(name=name) | ir.Attr(base=name):
            return (name,)
        case ir.Call(arguments=arguments):
            return tuple(a.value for a in arguments)
        case _:
            return ()


def _tested(test: ir.Test) -> Sequence[str]:
    return (test.subject, test.other, f"?{test.key.removesuffix(IS_NONE)}")


def _asked(op: ir.Op) -> Sequence[str]:
    names = op.captured if isinstance(op, ir.Closure) else names_read(op)
    return [*(f"!{name}" for name in names if ir.is_local(name)), *filter(ir.is_temporary, _used(op))]


def _used(op: ir.Op) -> Sequence[ir.Val]:
    """The values that an operation uses; one that is put in the place of another is used when that is."""
    match op:
        case ir.Assign(target=target, source=source):
            return () if ir.is_temporary(target) else (source,)
        case ir.Call(callee=callee, receiver=receiver, arguments=arguments):
            return (callee, receiver, *(a.value for a in arguments))
        case ir.Attr(base=value) | ir.Item(base=value) | ir.Enter(manager=value) | ir.Exit(manager=value):
            return (value,)
        case ir.StoreAttr(base=base, source=source) | ir.StoreItem(base=base, source=source):
            return (base, source)
        case ir.Build(elements=values) | ir.Compute(operands=values) | ir.NestedClass(methods=values):
            return values
        case ir.Catch() | ir.EndCatch() | ir.Leave() | ir.Delete() | ir.Read() | ir.Closure():
            return ()
        case _:
            return (getattr(op, "source", ""),)


def _bound_anew(op: ir.Op) -> str:
    """The name that an operation gives another meaning, so that what was known of it is forgotten ("": none)."""
    match op:
        case ir.Assign(target=target, source=source) if target != source:
            return target
        case ir.Catch(name=name) | ir.Delete(name=name):
            return name
        case ir.StoreAttr(base=base, name=name):
            return f"{base}.{name}"
        case _:
            made: ir.Val = getattr(op, "target", "")
            return made if ir.is_temporary(made) else ""
