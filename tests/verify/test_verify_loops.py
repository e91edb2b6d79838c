"""Loops that no run leaves prove nothing of what comes behind them."""

from __future__ import annotations

from roles_by_hand import proof

from putback.verify.verdict import Verdict


def test_a_server_loop_whose_end_is_never_reached_is_only_tested() -> None:
    leaky = """
        def f(self):
            conn = self.pool.getconn()
            while True:
                conn.cursor().execute("select 1")
                if self.jobs:
                    serve()
            self.pool.putconn(conn)
        """
    fixed = """
        def f(self):
            conn = self.pool.getconn()
            try:
                while True:
                    conn.cursor().execute("select 1")
                    if self.jobs:
                        serve()
            finally:
                self.pool.putconn(conn)
            return None
        """
    assert proof(leaky, fixed).verdict is Verdict.TESTED


def test_a_loop_that_no_run_leaves_proves_nothing_of_what_comes_behind_it() -> None:
    leaky = """
        def f(self):
            conn = self.pool.getconn()
            waiting = True
            while waiting:
                conn.cursor().execute("select 1")
        """
    only_on_errors = """
        def f(self):
            conn = self.pool.getconn()
            try:
                waiting = True
                while waiting:
                    conn.cursor().execute("select 1")
            except BaseException:
                self.pool.putconn(conn)
                raise
        """
    assert proof(leaky, only_on_errors).verdict is Verdict.TESTED


def test_a_loop_that_never_ends_has_nothing_behind_it() -> None:
    leaky = """
        def f(self):
            while True:
                try:
                    conn = self.pool.getconn()
                    conn.cursor().execute("select 1")
                    self.pool.putconn(conn)
                except Exception as error:
                    print(error)
        """
    fixed = """
        def f(self):
            while True:
                conn = None
                try:
                    conn = self.pool.getconn()
                    conn.cursor().execute("select 1")
                except Exception as error:
                    print(error)
                finally:
                    if conn is not None:
                        self.pool.putconn(conn)
        """
    assert proof(leaky, fixed).verdict is Verdict.PROVED
    assert proof(leaky, fixed.replace("if conn is not None", "if self.late")).verdict is Verdict.REJECTED
