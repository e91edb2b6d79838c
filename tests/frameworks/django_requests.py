"""Three requests to the Django project in the current folder; prints their codes, and how many slots are out then.

A process of its own: Django reads the settings once in each.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from contextlib import suppress
from wsgiref.util import setup_testing_defaults

sys.path.insert(0, os.getcwd())
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"


def codes_of_requests() -> list[int]:
    """What three requests are answered, each behind the threads of the one before."""
    from django.core.wsgi import get_wsgi_application
    from orders import threads  # type: ignore[import-not-found]

    application, codes = get_wsgi_application(), []
    for _ in range(3):
        environ: dict[str, object] = {"PATH_INFO": "/orders/3"}
        setup_testing_defaults(environ)
        response = application(environ, lambda status, headers: codes.append(int(status[:3])))
        response.close()
        for thread in threads:
            thread.join()
    return codes


def slots_out() -> int:
    """How many connections the pool does not have any more."""
    from django.db import connections
    from psycopg_pool import PoolTimeout

    pool, taken = connections["default"].pool, 0
    with suppress(PoolTimeout):
        while taken < pool.max_size:
            pool.getconn()
            taken += 1
    return int(pool.max_size - taken)


if __name__ == "__main__":
    gc.disable()
    print(json.dumps([codes_of_requests(), slots_out()]))
