"""Processes of the services that never outlive their test."""

import asyncio
import os
import socket
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


def free_port() -> int:
    """A port of this machine that nothing listens on at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
