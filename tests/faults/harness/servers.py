"""A broker and a database server of the harness's own, to be ill-treated.

Both live in a folder that ends with the run. The database is a durable one: what it has confirmed outlives
its death.
"""

import asyncio
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal

import psutil

from deploy.local.servers.postgres import Tuning
from deploy.local.stack import LocalStack
from tests.support.stack import Stack

Server = Literal["kafka", "postgres"]
MAX_CONNECTIONS = 150


class Servers:
    """Both servers, and what the tests' `Stack` does with them."""

    def __init__(self, local: LocalStack, stack: Stack) -> None:
        self._local, self.stack = local, stack
        self._starting = asyncio.Lock()

    def processes(self, server: Server) -> Iterator[psutil.Process]:
        """The process of a server and its children, none if it does not run."""
        leader = self._local.processes.find(server)
        if leader is not None:
            yield leader
            with suppress(psutil.NoSuchProcess):
                yield from leader.children(recursive=True)

    def freeze(self, server: Server) -> None:
        """Stop all processes of a server where they are."""
        for process in self.processes(server):
            with suppress(psutil.NoSuchProcess):
                process.suspend()

    def thaw(self, server: Server) -> None:
        """Let them go on."""
        for process in self.processes(server):
            with suppress(psutil.NoSuchProcess):
                process.resume()

    async def kill(self, server: Server) -> None:
        """End a server by SIGKILL."""
        for process in list(self.processes(server)):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        await self._local.stop(server, budget_s=0)

    async def start(self, server: Server) -> None:
        """Start a server that was killed, at its old address."""
        async with self._starting:
            if server == "kafka":
                assert await self._local.ensure_kafka() == self.stack.kafka
            else:
                assert await self._local.ensure_postgres() == self.stack.admin_url


@asynccontextmanager
async def running_servers() -> AsyncIterator[Servers]:
    """Both servers in a folder of their own, which is removed.

    It lies where test sessions look for what killed ones have left, and end it.
    """
    base = Path(tempfile.gettempdir(), f"vita-tests-{os.getuid()}")
    base.mkdir(mode=0o700, exist_ok=True)
    folder = base / f"faults-{os.getpid()}-{secrets.token_hex(3)}"
    local = LocalStack(folder, Tuning(max_connections=MAX_CONNECTIONS))
    with local.state.lock():
        try:
            kafka, postgres = await local.ensure_kafka(), await local.ensure_postgres()
            stack = Stack(kafka, postgres, folder, exclusive=True)
            await stack.prepare()
            servers = Servers(local, stack)
            try:
                yield servers
            finally:
                servers.thaw("kafka")
                servers.thaw("postgres")
                await stack.rest()
        finally:
            await local.stop("kafka", budget_s=0)
            await local.stop_all()
            local.state.remove()
