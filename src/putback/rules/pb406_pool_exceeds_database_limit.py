"""The pools of all processes together may open more connections than the database takes.

## What it finds
Every pool is there once in each process: processes × (`pool_size` + `max_overflow`), over all pools of the project,
against `max_connections`. How many processes there are stands in the configuration; `putback budget` shows the sum, and
reads it from command lines and manifests where the configuration says nothing.

```toml
[tool.putback.deployment]
workers = 4
replicas = 3
max-connections = 100
reserved = 10
```

## Why it is bad
Under load the last processes get no connection, although each pool is far below its own limit: `FATAL: sorry, too many
clients already`, `FATAL: remaining connection slots are reserved for non-replication superuser connections`,
`Too many connections`. It happens on the day on which it must not.

## Example
With `workers = 8`, `max-connections = 100`:

```python
from sqlalchemy import create_engine

engine = create_engine("postgresql://shop", pool_size=10, max_overflow=10, pool_pre_ping=True)
```

## Use instead
```python
from sqlalchemy import create_engine

engine = create_engine("postgresql://shop", pool_size=5, max_overflow=2, pool_pre_ping=True)
```

## Fix
None: smaller pools, fewer processes, a larger limit or PgBouncer in front are for you to choose.

## Stays silent
Without `[tool.putback.deployment]`; for pools whose size cannot be seen.
"""

from __future__ import annotations

from putback.model.finding import Severity
from putback.rules.rule import Rule, nothing

RULE = Rule("PB406", "pool-exceeds-database-limit", "pool", Severity.WARNING, __doc__, nothing, running=None)
