"""Guarded changes of one user take turns within a process, so that a late one sees what an earlier one did.

The fold decides between processes; it remembers whom it refused, but only the last few. Turns keep them few.
"""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from weakref import WeakValueDictionary


class Turns:
    """Locks that exist for as long as somebody holds or awaits them."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    def of(self, tenant: str, user_id: str, guarded: bool) -> AbstractAsyncContextManager[None]:
        """A turn with this user; a change without a condition needs none."""
        if not guarded:
            return nullcontext()
        lock = self._locks.get((tenant, user_id))
        if lock is None:
            lock = self._locks[tenant, user_id] = asyncio.Lock()
        return lock
