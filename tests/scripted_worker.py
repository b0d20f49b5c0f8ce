"""A worker whose hop does as it is told, one word per batch: SCRIPT of `python -m tests.scripted_worker`.

`ok`, `transient`, `fenced`, or `unknown` (an error that quotes what it choked on); after the last word all
goes well. It prints one JSON line per batch. STORED gives the positions it keeps itself, by partition; SLOW,
how many seconds it takes to tell them.
"""

import asyncio
import json
import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import uvloop

from schemas.errors import Transient
from services.runtime import logs
from services.runtime.settings import kafka_from
from services.runtime.worker import Fenced, Source, Worker


class Beats:
    """A heartbeat nobody feels."""

    def handled(self, count: int) -> None:
        """Is not counted."""

    def failed(self, error: BaseException) -> None:
        """Is not told."""


class Scripted:
    """The hop."""

    def __init__(self, words: list[str], stored: dict[int, int] | None) -> None:
        self._words, self._stored = words, stored

    async def start(self) -> Any:
        """Nothing to open."""
        return Beats()

    async def stop(self) -> None:
        """Nothing to close."""
        say("stopped", [])

    async def stored_positions(self, partitions: Collection[int]) -> Mapping[int, int] | None:
        """As STORED says."""
        await asyncio.sleep(float(os.environ.get("SLOW", "0")))
        return self._stored

    async def apply(self, records: Sequence[Any]) -> None:
        """As the script says."""
        word = self._words.pop(0) if self._words else "ok"
        say(word, [record.value.decode() for record in records])
        match word:
            case "transient":
                raise Transient("not now")
            case "fenced":
                raise Fenced("somebody else")
            case "unknown":
                raise RuntimeError(f"cannot digest {records[0].value.decode()}")


def say(word: str, values: list[str]) -> None:
    """One line on stdout."""
    print(json.dumps([word, values]), flush=True)


async def main() -> None:
    """Runs until told to stop."""
    logs.configure("console" if os.environ.get("LOGS") == "console" else "json")
    stored = json.loads(os.environ.get("STORED", "null"))
    hop = Scripted(
        os.environ.get("SCRIPT", "").split(),
        None if stored is None else {int(partition): offset for partition, offset in stored.items()},
    )
    source = Source(kafka_from(os.environ), os.environ["TOPIC"], os.environ["TOPIC"] + "-group")
    await Worker(source, hop).run()


if __name__ == "__main__":
    uvloop.run(main())
