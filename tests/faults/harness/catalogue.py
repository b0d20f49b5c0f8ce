"""Every kind of fault, in the order in which a seed deals them."""

import random
import signal
from collections.abc import Callable, Iterator
from typing import Final

from schemas.topics import Topic
from tests.faults.harness.faults import Crowd, FailPoint, Fault, Frozen, Signalled, StaleOwner
from tests.faults.harness.fleet import SERVICES, WORKERS
from tests.faults.harness.process import POINTS
from tests.faults.harness.server_faults import (
    LOCKED_TABLES,
    CutSessions,
    FrozenServer,
    KilledBackend,
    KilledServer,
    LockedTable,
    NoConnections,
    ReadOnly,
)
from tests.faults.harness.traffic_faults import Aborted, BadRecords, Rebuilding, Repeated

Make = Callable[[], Fault]


def kinds() -> list[Make]:
    """How to make a fault of each kind."""
    return [
        *(lambda one=one: Signalled(one, signal.SIGKILL) for one in SERVICES),
        *(lambda one=one: Signalled(one, signal.SIGTERM) for one in SERVICES),
        *(lambda one=one: Frozen(one) for one in SERVICES),
        *(lambda one=one: StaleOwner(one) for one in WORKERS),
        *(lambda one=one: Crowd(one) for one in WORKERS),
        *(lambda one=one: FailPoint(one) for one in POINTS),
        *(lambda one=one: KilledServer(one) for one in ("kafka", "postgres")),
        *(lambda one=one: FrozenServer(one) for one in ("kafka", "postgres")),
        KilledBackend,
        CutSessions,
        NoConnections,
        ReadOnly,
        *(lambda one=one: LockedTable(one) for one in LOCKED_TABLES),
        *(lambda one=one: BadRecords(one) for one in POISONED),
        Aborted,
        Repeated,
        lambda: Rebuilding(killed=False),
        lambda: Rebuilding(killed=True),
    ]


POISONED: Final = (Topic.LOGINS_RAW, Topic.PROFILE_EVENTS, Topic.REVOCATIONS)


def deal(seed: int) -> Iterator[Fault]:
    """Faults without end: all kinds in a random order, then all in another order, and so on."""
    draw = random.Random(seed)
    while True:
        shuffled = kinds()
        draw.shuffle(shuffled)
        for make in shuffled:
            yield make()
