"""Normalizer, projector and auditor as processes, for tests that kill them.

`all_workers` starts one process of each over the topics and the database of a `tests.worlds.pipeline` and
kills those that still run when the test ends.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.patience import soon
from tests.worlds.pipeline import Pipeline

WORKERS = ("normalizer", "projector", "auditor")


@dataclass
class Workers:
    """Processes of one installation, by name."""

    pipeline: Pipeline
    running: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    async def start(self, name: str, **settings: str) -> None:
        """Starts a worker as its supervisor would, with these variables besides its own."""
        environment = self.pipeline.stack.environment(name, self.pipeline.database, self.pipeline.prefix)
        self.running[name] = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"services.{name}",
            env={**os.environ, **environment, **settings}, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

    async def end(self, name: str, number: signal.Signals) -> int:
        """Sends a signal and waits for the end; the exit code."""
        process = self.running.pop(name)
        process.send_signal(number)
        return await soon(process.wait(), 40)

    async def handled(self, name: str) -> int:
        """How much the running process says it has brought to its end."""
        rows = await self.pipeline.rows(
            "SELECT handled FROM ledger.heartbeat WHERE worker = $1 AND pid = $2",
            name,
            self.running[name].pid,
        )
        return int(rows[0]["handled"]) if rows else 0

    def most_memory(self, name: str) -> int:
        """The most bytes of memory that the running process has had resident."""
        status = Path(f"/proc/{self.running[name].pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024

    async def leaves(self) -> int:
        """How many events the trail holds."""
        return int((await self.pipeline.rows("SELECT count(*) AS n FROM trail.leaf"))[0]["n"])

    async def logins(self) -> int:
        """How many logins the profiles count, all together."""
        rows = await self.pipeline.rows(
            "SELECT coalesce(sum(logins_count), 0)::bigint AS n FROM views.activity"
        )
        return int(rows[0]["n"])


@asynccontextmanager
async def all_workers(pipeline: Pipeline) -> AsyncIterator[Workers]:
    """A running normalizer, projector and auditor."""
    workers = Workers(pipeline)
    try:
        for name in WORKERS:
            await workers.start(name)
        yield workers
    finally:
        for name in list(workers.running):
            await workers.end(name, signal.SIGKILL)
