"""How the connection pools of a process are used, as gauges."""

from collections import defaultdict
from collections.abc import Callable
from typing import Final, NamedTuple

import asyncpg

from services.runtime.metrics.catalogue import CONNECTION_WAITS, CONNECTIONS, MOST_CONNECTIONS
from services.runtime.metrics.meters import show

_Values = defaultdict[tuple[str, ...], float]


class _Watched(NamedTuple):
    pool: asyncpg.Pool
    name: str
    waiting: Callable[[], int] | None


_watched: Final[list[_Watched]] = []


def watch_pool(pool: asyncpg.Pool, name: str, waiting: Callable[[], int] | None = None) -> None:
    """Count the connections of a pool until it is closed, under a name that several pools may have. `waiting`
    returns how many requests wait for a connection, if that is known."""
    _watched[:] = [*_open_pools(), _Watched(pool, name, waiting)]


def read_pools() -> None:
    """Set the gauges of all pools that are open."""
    connections, most, waits = _Values(int), _Values(int), _Values(int)
    for pool, name, waiting in _open_pools():
        idle = pool.get_idle_size()
        connections[name, "idle"] += idle
        connections[name, "in_use"] += pool.get_size() - idle
        most[name,] += pool.get_max_size()
        if waiting is not None:
            waits[name,] += waiting()
    show(CONNECTIONS, connections)
    show(MOST_CONNECTIONS, most)
    show(CONNECTION_WAITS, waits)


def _open_pools() -> list[_Watched]:
    return [one for one in _watched if not one.pool.is_closing()]
