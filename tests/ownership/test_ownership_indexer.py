"""The index of one module, and what remains of it when it is packed."""

from __future__ import annotations

from textwrap import dedent

import pytest

from putback.flow.names import UNKNOWN, Element, Group, Invoke, Member, Name
from putback.ownership.index.indexer import index_module
from putback.ownership.index.module import ModuleInfo, packed, unpacked
from putback.ownership.index.module_cache import ModuleCache
from putback.ownership.index.trees import callees_by_row, mentioned
from putback.ownership.index.watched import watched_rows
from putback.source.slices import Slice

RECEIVERS = {"Depends": frozenset({(0, "dependency")}), "Thread": frozenset({(1, "target")})}


def indexed(text: str) -> ModuleInfo:
    """The index of a text."""
    return index_module("/r/app.py", dedent(text), RECEIVERS)


def references(text: str) -> list[str]:
    """The functions whose calls in a text are given functions."""
    return [each.scope for each in indexed(text).references]


@pytest.mark.parametrize(
    "body",
    [
        "yield conn",
        "x = yield conn",
        "if a:\n        pass\n    elif (yield conn):\n        pass",
        "with a, (yield conn):\n        pass",
        "for x in (yield conn): pass",
        "match a:\n        case 1 if (yield conn):\n            pass",
        "try:\n        pass\n    finally:\n        f(1, [(\n            yield conn)])",
        "while a: yield conn",
        "return lambda: a if (yield conn) else b",
    ],
)
def test_yields_are_found_wherever_they_stand(body: str) -> None:
    function = index_module("/r/app.py", f"def f():\n    {body}\n", RECEIVERS).functions["f"]
    assert function.is_generator
    assert function.yields == [Name("conn")]


def test_a_yield_from_gives_elements() -> None:
    assert indexed("def f():\n    yield from g()\n").functions["f"].yields == [Element(Invoke(Name("g")))]


def test_a_word_in_a_string_is_no_yield() -> None:
    assert not indexed("def f():\n    return 'yield'\n").functions["f"].is_generator


def test_the_walrus_binds() -> None:
    function = indexed("def f():\n    while (x := a.b()) and y: pass\n").functions["f"]
    assert function.bindings["x"] == (Invoke(Member(Name("a"), "b")),)


@pytest.mark.parametrize(
    ("text", "scopes"),
    [
        ("def f(db=Depends(get_db)): pass", ["f"]),
        ("def f(db: Annotated[S, Depends(get_db)]): pass", ["f"]),
        ("@app.get(dependencies=[Depends(a)])\ndef f(): pass", ["f"]),
        ("class A(B, x=Depends(a)): pass", [""]),
        ("class A:\n    def m(self):\n        Thread(target=self.run).start()", ["A.m"]),
        ("if a:\n    Thread (\n        None, work)", [""]),
        ("Thread(target=work)\rThread(target=work)", ["", ""]),
        ("Depends()", []),
        ("Depends('get_db')", []),
        ("Thread(work)", []),
        ("MyThread(target=work)", []),
    ],
)
def test_calls_that_are_given_functions(text: str, scopes: list[str]) -> None:
    assert references(text) == scopes


def test_of_two_imports_of_a_name_the_first_counts() -> None:
    module = indexed("try:\n    from a import db\nexcept ImportError:\n    from b import db\n")
    assert module.imports["db"].module == "a"


def test_rows_of_definitions_include_decorators() -> None:
    module = indexed("@a\n@b\nclass C:\n    @c\n    def m(self):\n        pass\n")
    assert (module.classes["C"].row, module.classes["C"].end_row) == (1, 6)
    assert (module.functions["C.m"].row, module.functions["C.m"].def_row) == (4, 5)


def test_rows_with_something_to_look_for() -> None:
    assert watched_rows("a = 1\r\nDepends(x)\r\nDependsOn(x)\nyield\n", RECEIVERS) == [2, 4]


def test_what_a_slice_calls_and_mentions() -> None:
    part = Slice("    def m(self):\n        a.b(c)\n        def n(): d.e(f)\n", 10)
    assert callees_by_row(part) == {11: {Member(Name("a"), "b")}, 13: {Member(Name("d"), "e")}}
    assert mentioned(part) == {"a", "b", "c", "d", "e", "f"}


EVERYTHING = """
    import os, a.b as c
    from ..x import *
    from . import y as z
    POOL: Pool = make(1, -2.5, None, True, "text", k=[1], **rest)
    big = f(99999999999999999999999, "\\ud800", x["\\udcff"], x[True], x[0], x["k"])
    both = POOL, big
    @deco(1)
    class A(Base):
        def later(self): ...
        attr = await_(1)
        async def m(self, q: "Optional[str]" = None, *rest, k: int | None = d, **more) -> Iterator[C]:
            global POOL
            import json
            POOL = self.conn = await connect() or other
            with a as b, c: pass
            for d, *e in b: yield d if e else POOL
            return lambda: 1
    Depends(get_db)
"""


def test_a_packed_module_comes_back_as_it_was() -> None:
    module = indexed(EVERYTHING)
    assert module.functions["A.later"].is_placeholder
    assert module.globals["both"] == [("", Group((Name("POOL"), Name("big"))))]
    assert unpacked(packed(module), "/r/app.py") == module


def test_a_path_that_is_no_text_can_be_kept() -> None:
    module = index_module("/r/\udcff.py", "a = 1", RECEIVERS)
    assert unpacked(packed(module), module.path) == module


def test_a_shelf_gives_back_all_that_was_put_there() -> None:
    module_cache = ModuleCache()
    text = "".join(f"def f{n}(): return g({n})\n" for n in range(400))
    modules = {f"/r/{n}.py": index_module(f"/r/{n}.py", text + f"here = {n}\n", RECEIVERS) for n in range(60)}
    module_cache.put("/r/broken.py", None)
    for path, module in modules.items():
        module_cache.put(path, module)
    arriving = index_module("/r/new.py", "a = b()\n", RECEIVERS)
    module_cache.put_packed("/r/new.py", packed(arriving))
    assert all(module_cache.get(path) == module for path, module in modules.items())
    assert module_cache.get("/r/new.py") == arriving
    assert module_cache.get("/r/broken.py") is None
    assert "/r/broken.py" in module_cache
    assert "/r/other.py" not in module_cache
    with pytest.raises(KeyError):
        module_cache.get("/r/other.py")


def test_a_shelf_without_some_modules_leaves_the_first_as_it_was() -> None:
    module_cache = ModuleCache()
    first, second = (index_module(f"/r/{name}.py", "a = b()\n", RECEIVERS) for name in ("first", "second"))
    module_cache.put(first.path, first)
    module_cache.put_packed(second.path, packed(second))
    other = module_cache.without({first.path})
    other.put(second.path, None)
    assert first.path not in other
    assert other.get(second.path) is None
    assert (module_cache.get(first.path), module_cache.get(second.path)) == (first, second)


def test_values_that_cannot_be_stored_are_unknown() -> None:
    (_, value), *_ = indexed(EVERYTHING).globals["big"]
    assert isinstance(value, Invoke)
    assert value.args[:2] == (UNKNOWN, UNKNOWN)
