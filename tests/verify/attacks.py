"""Functions that try to reach out of the sandbox. `{target}` is a file that must never appear."""

from __future__ import annotations

_WRAP = "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close'][0].__init__.__globals__"
_HEAD = f"def f():\n    conn = pool.getconn()\n    g = {_WRAP}\n    m = g['sys'].modules\n"
_FRAMES = (
    "def f():\n    conn = pool.getconn()\n    try:\n        raise ValueError\n    except ValueError as e:\n"
    "        frame = e.__traceback__.tb_frame\n        while frame.f_back:\n            frame = frame.f_back\n"
)

ATTACKS: dict[str, str] = {
    "open": "def f():\n    conn = pool.getconn()\n    open('{target}', 'w').write('x')\n",
    "real open": _HEAD + "    g['__builtins__']['open']('{target}', 'w').write('x')\n",
    "os.open": _HEAD + "    g['open']('{target}', 65, 511)\n",
    "os.system": _HEAD + "    g['system']('touch {target}')\n",
    "os.fork": _HEAD + "    g['fork']()\n    g['open']('{target}', 65, 511)\n",
    "os.posix_spawn": _HEAD + "    g['posix_spawn']('/bin/touch', ['touch', '{target}'], {{}})\n",
    "os.execv": _HEAD + "    g['execv']('/bin/touch', ['touch', '{target}'])\n",
    "os.mkdir": _HEAD + "    g['mkdir']('{target}')\n",
    "os.symlink": _HEAD + "    g['symlink']('/etc/passwd', '{target}')\n",
    "kill the parent": _HEAD + "    g['kill'](g['getppid'](), 9)\n",
    "kill the session": _HEAD + "    g['killpg'](g['getpgid'](g['getppid']()), 9)\n",
    "ctypes": _HEAD + "    m['ctypes'].CDLL(None).system(b'touch {target}')\n",
    "ctypes open": _HEAD + "    m['ctypes'].CDLL(None).open(b'{target}', 65, 511)\n",
    "socket": _HEAD + "    g['__builtins__']['__import__']('socket').socket().connect(('127.0.0.1', 9))\n",
    "read a file": _HEAD + "    return g['__builtins__']['open']('/etc/passwd').read()\n",
    "frames": _FRAMES + "        frame.f_globals['sys'].modules['os'].system('touch {target}')\n",
    "write to descriptors": _HEAD + "    for n in [0, 1, 2, 3, 4, 5]:\n        g['write'](n, b'x' * 64)\n",
    "bytecode": (
        "def f():\n    conn = pool.getconn()\n    def g(): pass\n"
        "    g.__code__ = g.__code__.replace(co_code=b'\\x00' * 20)\n    g()\n"
    ),
    "pickle": _HEAD + "    m['pickle'].loads(b\"cposix\\nsystem\\n(S'touch {target}'\\ntR.\")\n",
    "remove the locks": _HEAD + "    m['resource'].setrlimit(7, (99, 99))\n    g['open']('{target}', 65, 511)\n",
    "endless loop": "def f():\n    conn = pool.getconn()\n    n = 0\n    for n in range(10 ** 12): n = n\n",
    "endless computation": "def f():\n    conn = pool.getconn()\n    return 10 ** 10 ** 9\n",
    "memory": "def f():\n    conn = pool.getconn()\n    return [b'x' * (10 ** 9) for n in range(9)]\n",
    "recursion": "def f():\n    conn = pool.getconn()\n    return f()\n",
    "exit": _HEAD + "    g['_exit'](0)\n",
    "segmentation fault": _HEAD + "    m['ctypes'].string_at(0)\n",
}

_START = "def f():\n    conn = pool.getconn()\n"
_EVERY = "[c for c in {}.__subclasses__() if c.__name__ == 'Verifier']"

FORGERIES: dict[str, str] = {
    "subclasses": _START + "    verifier = " + _EVERY.format("object") + "[0]\n    verifier._shown = None\n",
    "subclasses of a value": _START + "    return ().__class__.__base__.__subclasses__()\n",
    "by getattr": _START + "    return getattr(object, '__subc' + 'lasses__')()\n",
    "by a text of its own": (
        _START + "    class Name(str):\n        def __eq__(self, other): return False\n"
        "        def __hash__(self): return 0\n    return getattr(object, Name('__subclasses__'))()\n"
    ),
    "by getattr of type": _START + "    return type.__getattribute__(object, '__subclasses__')()\n",
    "by a table": _START + "    return type(type(f)).__dict__['__subclasses__'](object)\n",
    "by mro": _START + "    return ValueError.mro()[-1]\n",
    "by bases": _START + "    return ValueError.__bases__\n",
    "by a pattern": _START
    + "    match object:\n        case type(__subclasses__=found):\n            return found()\n",
    "a frame": _FRAMES,
    "the frame of a generator": _START + "    return (n for n in [1]).gi_frame.f_back\n",
    "the frame of a coroutine": _START + "    async def g(): pass\n    return g().cr_frame\n",
    "globals": _START + "    return f.__globals__\n",
    "globals of a helper": _START + "    return contextlib.suppress.__init__.__globals__\n",
    "the function of a method": _START + "    return conn.cursor.__func__\n",
    "the owner of a builtin": _START + "    return callable.__self__.open\n",
    "builtins of a function": _START + "    return (lambda: 0).__builtins__\n",
    "a closure": _START + "    return (lambda: conn).__closure__\n",
    "code": _START + "    def g(): pass\n    g.__code__ = f.__code__\n",
    "the connection's own": _START + "    conn._pb_slot.place = None\n",
    "the connection's own by getattr": _START + "    return getattr(conn, '_pb_' + 'world').violations.clear()\n",
    "the stand-in's own": _START + "    return conn.unknown._pb_world\n",
    "the text's own": _START + "    return str(g())._pb_world\n",
    "the connection's own by a pattern": _START
    + "    match conn:\n        case object(_pb_slot=s):\n            s.place = 1\n",
    "a helper by its name": _START + "    return __pb_at__\n",
    "another helper": _START + "    __pb_Cut__ = ValueError\n",
    "what it deletes": _START + "    del conn._pb_slot\n",
    "what it sets": _START + "    setattr(conn, '_pb_slot', None)\n",
    "what it deletes by name": _START + "    delattr(conn, '_pb_slot')\n",
    "by reduce": _START + "    return ValueError().__reduce_ex__(2)\n",
}
"""Functions that reach for the verifier in their own process, to say about themselves what they like."""

WITHHELD: dict[str, str] = {
    "a module's own imports": "    import typing\n    return typing.sys\n",
    "those of another": "    import contextlib\n    contextlib.os.write(4, b'x')\n",
    "a getter": "    import operator\n    return operator.attrgetter('__subclasses__')(object)\n",
    "a caller": "    import operator\n    return operator.methodcaller('__subclasses__')(object)\n",
    "a formatter": "    import string\n    return string.Formatter().get_field('0.__subclasses__', (object,), {})\n",
    "text as code": "    import typing\n    return typing.get_type_hints\n",
    "another module's names": "    import enum\n    return enum.global_enum\n",
}
"""What the harmless modules have and do not show; each is the rest of a function."""
