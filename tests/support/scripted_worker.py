"""A worker whose consumer follows SCRIPT, one word per batch (`python -m` runs this module).

The words are `ok`, `transient`, `fenced`, `unknown` and `broken` (errors that quote data of a record or of
the installation), `hang`, and `block` (blocks the event loop). After the last word all batches succeed,
except that a batch with a record `poison` fails and one with a record `wait...` waits until SIGUSR1. It
prints one JSON line per batch. UNREADABLE and SKIPPED are how often the Kafka client cannot parse, or leaves
out, a record of that name. STORED has the positions that the worker stores, by partition; SLOW is how many
seconds it takes to read them; WATCHDOG is when it is stuck; LARGE is the size from which a record is large.
"""

import asyncio
import json
import os
import signal
import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import asyncpg
import uvloop
from aiokafka.errors import UnsupportedCodecError

from schemas.errors import InvalidEvent, Transient
from services.runtime import logs
from services.runtime.kafka import record_batches
from services.runtime.periodic import FailurePolicy
from services.runtime.settings import kafka_from
from services.runtime.worker.consumer import Fenced
from services.runtime.worker.intake import Intake, Source
from services.runtime.worker.loop import Worker


class Beats:
    """A heartbeat that is written nowhere."""

    def handled(self, count: int) -> None:
        """Is not counted."""

    def working(self) -> None:
        """Is not reported."""

    def retrying(self, error: BaseException) -> None:
        """Is not reported."""

    def obstacle(self) -> None:
        """There is none."""

    async def ends(self, state: str, reason: str) -> None:
        """Is written on stdout."""
        say(state, [reason])


class Scripted:
    """The hop."""

    def __init__(self, words: list[str], stored: dict[int, int] | None) -> None:
        self._words, self._stored = words, stored

    async def start(self, end_process: FailurePolicy) -> Any:
        """Nothing to open."""
        self._may_go_on = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._may_go_on.set)
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
        if any((record.value or b"").startswith(b"wait") for record in records):
            say("waits", [text(record) for record in records])
            await self._may_go_on.wait()
        word = self._words.pop(0) if self._words else "ok"
        say(word, [text(record) for record in records])
        if any(record.value == b"poison" for record in records):
            raise RuntimeError("poison")
        match word:
            case "transient":
                raise Transient("not now")
            case "fenced":
                raise Fenced("somebody else")
            case "unknown":
                raise RuntimeError(f"cannot digest {records[0].value.decode()}")
            case "broken":
                raise asyncpg.UndefinedTableError(f"cannot digest {records[0].value.decode()}")
            case "hang":
                await asyncio.Event().wait()
            case "block":
                threading.Event().wait()

    async def quarantine(self, record: Any, error: InvalidEvent) -> None:
        """Is written on stdout."""
        say(f"quarantined {error}", [text(record)])


def text(record: Any) -> str:
    """A short name for a record's value."""
    value = record.value
    return "null" if value is None else f"{len(value)} bytes" if len(value) > 100 else value.decode()


def say(word: str, values: list[str]) -> None:
    """One line on stdout."""
    print(json.dumps([word, values]), flush=True)


def make_unreadable(times: int) -> None:
    """Makes the Kafka client fail on a record of that name, as often as that."""
    left, read = [times], record_batches._Batch._read

    def spoilt(batch: Any) -> Any:
        for record in read(batch):
            if record.value == b"unreadable" and left[0]:
                left[0] -= 1
                raise UnsupportedCodecError("no such codec")
            yield record

    record_batches._Batch._read = spoilt  # type: ignore[method-assign]


def leave_out(times: int) -> None:
    """Makes the Kafka client leave out a record of that name, as often as that."""
    left, read = [times], Intake._read

    async def spoilt(intake: Intake, place: Any, room: int) -> Any:
        found = await read(intake, place, room)
        kept = [record for record in found if record.value != b"skipped" or not left[0]]
        left[0] -= len(found) - len(kept)
        return kept

    Intake._read = spoilt  # type: ignore[method-assign]


async def main() -> None:
    """Run until stopped."""
    logs.configure("console" if os.environ.get("LOGS") == "console" else "json")
    make_unreadable(int(os.environ.get("UNREADABLE", "0")))
    leave_out(int(os.environ.get("SKIPPED", "0")))
    stored = json.loads(os.environ.get("STORED", "null"))
    hop = Scripted(
        os.environ.get("SCRIPT", "").split(),
        None if stored is None else {int(partition): offset for partition, offset in stored.items()},
    )
    topic, seconds = os.environ["TOPIC"], float(os.environ.get("WATCHDOG", "60"))
    large = int(os.environ.get("LARGE", "0")) or None
    source = Source(
        kafka_from(os.environ), topic, f"{topic}-group", watchdog_seconds=seconds, large_bytes=large
    )
    await Worker(source, hop).run()


if __name__ == "__main__":
    uvloop.run(main())
