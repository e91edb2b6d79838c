"""What tests of a program need of a pool, and a program in production does not.

    ReferencePool(1, 3, faults=FaultPlan([Fault(Operation.EXECUTE, nth=2)]))     makes operations fail
    ReferencePool(1, 3, clock=ManualClock())                                     makes time stand still
    ReferencePool(0, 5, profile=SQLALCHEMY, settings=Settings(overflow=10))      behaves as another library's pool
    sessions.sessionmaker(pool)                                                  takes and gives back as SQLAlchemy's

`faulty(connect, plan)` is for any pool, ours or not. Nothing else of `putback.pool` imports this.
"""

from __future__ import annotations

from putback.pool.faults import Faults, Operation
from putback.pool.profiles import ASYNCPG, PSYCOPG2, Profile
from putback.pool.testing.clock import ManualClock
from putback.pool.testing.faults import Fault, FaultPlan, InjectedError, faulty
from putback.pool.testing.profiles import PSYCOPG_POOL, SQLALCHEMY

__all__ = [
    "ASYNCPG",
    "PSYCOPG2",
    "PSYCOPG_POOL",
    "SQLALCHEMY",
    "Fault",
    "FaultPlan",
    "Faults",
    "InjectedError",
    "ManualClock",
    "Operation",
    "Profile",
    "faulty",
]
