"""Per-user locks for conditional writes.

Serialising them within a process keeps a rejection from being evicted from `Memory.refused`, which is small,
before its caller reads it.
"""

import asyncio
from weakref import WeakValueDictionary


class UserLocks:
    """Locks per user, which exist while a task holds or awaits them."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    def of(self, tenant: str, user_id: str) -> asyncio.Lock:
        """Return the lock of a user."""
        lock = self._locks.get((tenant, user_id))
        if lock is None:
            lock = self._locks[tenant, user_id] = asyncio.Lock()
        return lock
