"""Password hashes: argon2id (RFC 9106) with the parameters OWASP recommends, away from the event loop."""

import os
from functools import partial
from typing import Self

from argon2 import PasswordHasher
from argon2.low_level import Type

from services.runtime.fairness.threads import FairThreads

MEMORY_KIB = 19_456
PASSES = 2


class Hasher:
    """A few threads, so that many passwords at once use the machine without taking it over."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1, type=Type.ID)
        self._threads = FairThreads("argon2", min(4, os.cpu_count() or 1), counted=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.__exit__()

    async def hash(self, tenant: str, password: str) -> str:
        """The hash in PHC string format, for a tenant. Raises OverShare or Transient."""
        return await self._threads.run(tenant, partial(self._hasher.hash, password))
