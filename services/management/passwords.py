"""Password hashes: argon2id (RFC 9106) with the parameters OWASP recommends, away from the event loop."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from argon2 import PasswordHasher
from argon2.low_level import Type

MEMORY_KIB = 19_456
PASSES = 2


class Hasher:
    """A few threads, so that many passwords at once use the machine without taking it over."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1, type=Type.ID)
        self._threads = ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="argon2")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    async def hash(self, password: str) -> str:
        """The hash in PHC string format."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, password)
