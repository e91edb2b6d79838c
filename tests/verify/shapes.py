"""Functions of many shapes, with what the explorer must find in them: at level 1, and at level 2 where that differs."""

from __future__ import annotations

from dataclasses import dataclass

from putback.model.running import Broken


@dataclass(frozen=True, slots=True)
class Shape:
    """A function `f` and the invariants that it violates."""

    name: str
    found: frozenset[Broken]
    found_at_2: frozenset[Broken]
    source: str


SHAPES: list[Shape] = []


def _shape(name: str, found: set[Broken], source: str, found_at_2: set[Broken] | None = None) -> None:
    SHAPES.append(Shape(name, frozenset(found), frozenset(found if found_at_2 is None else found_at_2), source))


LEAK = {Broken.LEAK}
NONE: set[Broken] = set()

_shape(
    "early_return",
    LEAK,
    """
def f(uid):
    conn = pool.getconn()
    cur = conn.cursor()
    cur.execute("select 1 from t where id=%s", (uid,))
    row = cur.fetchone()
    if row is None:
        return None
    pool.putconn(conn)
    return row[0]
""",
)
_shape(
    "finally_ok",
    NONE,
    """
def f(uid):
    conn = pool.getconn()
    try:
        with conn.cursor() as cur:
            cur.execute("select 1 from t where id=%s", (uid,))
            return cur.fetchall()
    finally:
        pool.putconn(conn)
""",
)
_shape(
    "close_on_pooled",
    {Broken.CLOSED, Broken.LEAK},
    """
def f():
    conn = pool.getconn()
    cur = conn.cursor()
    cur.execute("select 1")
    conn.close()
""",
)
_shape(
    "close_on_pooled_finally",
    {Broken.CLOSED},
    """
def f():
    conn = pool.getconn()
    try:
        cur = conn.cursor()
        cur.execute("select 1")
    finally:
        conn.close()
""",
)
_shape(
    "except_without_release",
    LEAK,
    """
def f(x):
    try:
        conn = get_db_connection()
        cur = conn.cursor()
        cur.execute("insert into t values (%s)", (x,))
        conn.commit()
        release_db_connection(conn)
        return True
    except Exception as e:
        logger.error(f"failed {e}")
        return False
""",
)
_shape(
    "except_release_both",
    NONE,
    """
def f(x):
    conn = pool.getconn()
    try:
        cur = conn.cursor()
        cur.execute("insert into t values (%s)", (x,))
        conn.commit()
    except Exception as e:
        pool.putconn(conn)
        raise
    pool.putconn(conn)
""",
)
_shape(
    "rollback_then_put_in_except",
    NONE,
    """
def f(x):
    conn = pool.getconn()
    try:
        conn.cursor().execute("insert into t values (%s)", (x,))
        conn.commit()
    except Exception:
        conn.rollback()
        pool.putconn(conn)
        raise
    else:
        pool.putconn(conn)
""",
    LEAK,
)
_shape(
    "double_release",
    {Broken.RELEASED_TWICE},
    """
def f(x):
    conn = pool.getconn()
    try:
        conn.cursor().execute("select 1")
        pool.putconn(conn)
    finally:
        pool.putconn(conn)
""",
)
_shape(
    "unbound_in_finally",
    {Broken.UNBOUND},
    """
def f(x):
    try:
        conn = pool.getconn()
        conn.cursor().execute("select 1")
    finally:
        pool.putconn(conn)
""",
)
_shape(
    "none_guard_ok",
    NONE,
    """
def f(x):
    conn = None
    try:
        conn = pool.getconn()
        conn.cursor().execute("select 1")
    finally:
        if conn is not None:
            pool.putconn(conn)
""",
)
_shape(
    "use_after_release",
    {Broken.LEAK, Broken.USED_AFTER_RELEASE},
    """
def f(x):
    conn = pool.getconn()
    cur = conn.cursor()
    cur.execute("select 1")
    pool.putconn(conn)
    return cur.fetchall()
""",
)
_shape(
    "http_between",
    LEAK,
    """
def f(url):
    conn = pool.getconn()
    r = requests.get(url)
    if r.status_code == 200:
        with conn.cursor() as c:
            c.execute("insert into x values (%s)", (r.json()["id"],))
        conn.commit()
    pool.putconn(conn)
""",
)
_shape(
    "narrow_except",
    LEAK,
    """
def f(url):
    conn = pool.getconn()
    try:
        data = json.loads(requests.get(url).text)
        conn.cursor().execute("select 1")
    except psycopg2.Error:
        conn.rollback()
        pool.putconn(conn)
        raise
    pool.putconn(conn)
    return data
""",
)
_shape(
    "loop_leak",
    LEAK,
    """
def f(items):
    for i in items:
        conn = pool.getconn()
        conn.cursor().execute("select %s", (i,))
    pool.putconn(conn)
""",
)
_shape(
    "continue_leak",
    LEAK,
    """
def f(items):
    for i in items:
        conn = pool.getconn()
        try:
            if not i.ok:
                continue
            conn.cursor().execute("select %s", (i,))
        except Exception:
            raise
        pool.putconn(conn)
""",
)
_shape(
    "retry_loop_ok",
    NONE,
    """
def f(q):
    for attempt in range(3):
        conn = pool.getconn()
        try:
            with conn.cursor() as cur:
                cur.execute(q)
                return cur.fetchall()
        except psycopg2.OperationalError:
            time.sleep(2 ** attempt)
        finally:
            pool.putconn(conn)
    raise RuntimeError("gave up")
""",
)
_shape(
    "ctxmgr_no_finally",
    LEAK,
    """
@contextmanager
def f():
    conn = pool.getconn()
    yield conn
    pool.putconn(conn)
""",
)
_shape(
    "ctxmgr_ok",
    NONE,
    """
@contextmanager
def f():
    conn = pool.getconn()
    try:
        yield conn
        conn.commit()
    except Exception:
        conn.rollback()
        raise
    finally:
        pool.putconn(conn)
""",
)
_shape(
    "transfer_return",
    NONE,
    """
def f():
    if pool:
        conn = pool.getconn()
        return conn
""",
)
_shape(
    "transfer_self",
    NONE,
    """
def f(self):
    self.conn = self.pool.getconn()
    self.cur = self.conn.cursor()
""",
)
_shape(
    "setup_then_return",
    LEAK,
    """
def f(self):
    conn = self.pool.getconn()
    cur = conn.cursor()
    cur.execute("set timezone to utc")
    return conn
""",
)
_shape(
    "session_no_close",
    LEAK,
    """
@app.get("/u/{id}")
def f(id: int):
    db = SessionLocal()
    u = db.query(User).filter(User.id == id).first()
    if not u:
        raise HTTPException(404, "nope")
    db.close()
    return u
""",
)
_shape(
    "session_finally",
    NONE,
    """
def f(id: int):
    db = SessionLocal()
    try:
        u = db.query(User).filter(User.id == id).first()
        if not u:
            raise HTTPException(404, "nope")
        db.add(Log(user=u)); db.commit()
        return u.name
    except SQLAlchemyError:
        db.rollback(); raise
    finally:
        db.close()
""",
)
_shape(
    "session_with",
    NONE,
    """
def f(ids):
    with SessionLocal() as db:
        return {u.id: u.name for u in db.query(User).filter(User.id.in_(ids)).all() if u.active}
""",
)
_shape(
    "dep_return",
    {Broken.HANDED_OUT_CLOSED},
    """
def f():
    db = SessionLocal()
    try:
        return db
    finally:
        db.close()
""",
)
_shape(
    "dep_yield_ok",
    NONE,
    """
def f():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()
""",
)
_shape(
    "dep_yield_nofinally",
    LEAK,
    """
def f():
    db = SessionLocal()
    yield db
    db.close()
""",
)
_shape(
    "async_dep_except_exception",
    LEAK,
    """
async def f():
    db = SessionLocal()
    try:
        yield db
        await db.commit()
    except Exception:
        await db.rollback()
        await db.close()
        raise
    else:
        await db.close()
""",
)
_shape(
    "async_acquire_release_ok",
    NONE,
    """
async def f(self, uid):
    conn = await self.pool.acquire()
    try:
        async with conn.transaction():
            await conn.execute("update t set a=1 where id=$1", uid)
        return await conn.fetchrow("select * from t")
    finally:
        await self.pool.release(conn)
""",
)
_shape(
    "async_acquire_leak",
    LEAK,
    """
async def f(self, ctx):
    conn = await self.pool.acquire()
    rows = await conn.fetch("select * from t")
    if not rows:
        return await ctx.send("none")
    for r in rows:
        await ctx.send(r["name"])
    await self.pool.release(conn)
""",
)
_shape(
    "async_cancel_only",
    NONE,
    """
async def f(self):
    conn = await self.pool.acquire()
    try:
        await conn.execute("update t set a=1")
    except Exception as e:
        log.error(e)
    await self.pool.release(conn)
""",
    LEAK,
)
_shape(
    "async_with",
    NONE,
    """
async def f(pool, items):
    async with pool.acquire() as conn:
        async with conn.transaction():
            for i in items:
                await conn.execute("insert into t values ($1)", i)
""",
)
_shape(
    "while_true_worker",
    {Broken.LEAK_IN_LOOP},
    """
def f(self):
    while True:
        try:
            conn = self.pool.getconn()
            cur = conn.cursor()
            cur.execute("select * from q")
            for row in cur.fetchall():
                self.handle(row)
            self.pool.putconn(conn)
        except Exception as e:
            logging.exception(e)
        time.sleep(5)
""",
    {Broken.LEAK, Broken.LEAK_IN_LOOP},
)
_shape(
    "reuse_after_error",
    {Broken.REUSED_AFTER_ERROR},
    """
def f(rows):
    conn = pool.getconn()
    try:
        cur = conn.cursor()
        for r in rows:
            try:
                cur.execute("insert into t values (%s)", (r,))
            except psycopg2.Error:
                cur.execute("insert into errs values (%s)", (r,))
        conn.commit()
    finally:
        pool.putconn(conn)
""",
)
_shape(
    "match_stmt",
    LEAK,
    """
def f(cmd):
    conn = pool.getconn()
    match cmd:
        case "a": conn.cursor().execute("select 1")
        case {"k": v}: return v
        case _: pass
    pool.putconn(conn)
""",
)
