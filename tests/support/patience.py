"""How long tests wait for what must happen: long enough for a machine that has much else to do.

No test asserts how long something took. `VITA_TEST_PATIENCE` multiplies every budget, for a machine that is
slower still; on a quiet one it costs nothing, as a condition that is met is waited for no longer.
"""

import asyncio
import os
from collections.abc import Awaitable
from typing import Final, TypeVar

Result = TypeVar("Result")

PATIENCE: Final = float(os.environ.get("VITA_TEST_PATIENCE", "1")) * 5
"""Times the seconds that a quiet machine might need at most."""
A_WHILE: Final = 30 * PATIENCE
"""Seconds that anything may take that a test waits for."""


async def soon(awaited: Awaitable[Result], seconds: float = 30) -> Result:
    """Return the awaited result. Raises TimeoutError after this many times `PATIENCE` seconds."""
    return await asyncio.wait_for(awaited, seconds * PATIENCE)
