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
