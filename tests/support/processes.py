"""Processes of the services that never outlive their test."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

QUIET = asyncio.subprocess.DEVNULL
HEARD = asyncio.subprocess.PIPE


@asynccontextmanager
async def python(
    *arguments: str, env: Mapping[str, str], stdout: int | None = None, stderr: int | None = QUIET
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python` with these arguments and this environment beyond ours; killed if it still runs at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env={**os.environ, **env}, stdout=stdout, stderr=stderr
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
