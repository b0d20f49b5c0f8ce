"""Faults of what is on the topics, and rebuilds while everything else goes wrong."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import psutil
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.errors import Transient
from schemas.formats import exact_json
from schemas.topics import Topic, catalogue
from services.rebuild.rebuild import Options, RebuildRefused, Step, drop_others, rebuild
from services.runtime.kafka.access import KafkaAccess
from tests.faults.harness.faults import Fault, Ground
from tests.faults.harness.model import POISON, Poison
from tests.samples.raw_logins import make_data, make_event
from tests.support.odd_records import ODD_HEADERS
from tests.support.patience import PATIENCE

SEND_SECONDS: Final = 30.0
REBUILD_SECONDS: Final = 60 * PATIENCE
REBUILD_AGAIN_SECONDS: Final = 1.0


@asynccontextmanager
async def sending(kafka: KafkaAccess, **settings: Any) -> AsyncIterator[AIOKafkaProducer]:
    """A producer for SEND_SECONDS at most. Raises KafkaError, or TimeoutError."""
    producer = AIOKafkaProducer(**kafka.arguments(), **settings)
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await producer.start()
            yield producer
    finally:
        await producer.stop()


Bad = tuple[bytes | None, Sequence[tuple[str, bytes | None]]]
"""Value and headers of a record."""


class BadRecords(Fault):
    """Records that cannot be processed, in the middle of the others."""

    def __init__(self, topic: Topic) -> None:
        super().__init__("poison records", topic.value)
        self._topic = topic

    async def inject(self, ground: Ground) -> None:
        """Publish some to random partitions, and note where they lie."""
        site, topic = ground.site, ground.site.pipeline.prefix + self._topic.value
        try:
            async with sending(site.pipeline.stack.kafka, enable_idempotence=True) as producer:
                for value, headers in self._records(ground):
                    partition = ground.draw.randrange(catalogue()[self._topic].partitions)
                    place = await producer.send_and_wait(
                        topic, value, POISON, partition, headers=list(headers)
                    )
                    if self._topic is not Topic.REVOCATIONS:
                        ground.load.model.poison.add(Poison(topic, place.partition, place.offset))
        except (KafkaError, TimeoutError):
            self.note = "not all sent"

    def _records(self, ground: Ground) -> list[Bad]:
        event = make_event(id=f"poison-{ground.draw.random()}", data=make_data(claims={}))
        signed = ground.site.pipeline.signed
        now, sound = int(time.time()), exact_json.dumps(make_event(id="poison", source="/poison"))
        records: list[Bad] = [
            (POISON, ()),
            (None, ()),
            (POISON + b"\x00\xff" * 1000, [one for one in ODD_HEADERS if one[0] != ""]),
            (sound, ()),
        ]
        if self._topic is Topic.LOGINS_RAW:
            records += [
                (POISON, signed(POISON, now)),
                (body := exact_json.dumps(event), signed(body, now)),
                (sound, signed(sound + b" ", now)),
            ]
        return records


class Aborted(Fault):
    """Sound logins in a transaction that is aborted: nobody sent them."""

    def __init__(self) -> None:
        super().__init__("aborted transaction", Topic.LOGINS_RAW.value)

    async def inject(self, ground: Ground) -> None:
        """Write them and abort."""
        pipeline = ground.site.pipeline
        topic = pipeline.prefix + Topic.LOGINS_RAW.value
        values = [
            exact_json.dumps(make_event(id=f"aborted-{number}", data=make_data(ip="192.0.2.1")))
            for number in range(3)
        ]
        partition = ground.draw.randrange(catalogue()[Topic.LOGINS_RAW].partitions)
        try:
            async with sending(
                pipeline.stack.kafka, transactional_id=f"aborted-{ground.draw.random()}"
            ) as producer:
                await producer.begin_transaction()
                for value in values:
                    await producer.send_and_wait(topic, value, b"aborted", partition)
                await producer.abort_transaction()
        except (KafkaError, TimeoutError):
            self.note = "not all sent"


class Repeated(Fault):
    """A gateway publishes its latest logins once more, late and in another order."""

    def __init__(self) -> None:
        super().__init__("late duplicates", Topic.LOGINS_RAW.value)

    async def inject(self, ground: Ground) -> None:
        """Publish them, twice."""
        for _ in range(2):
            await ground.load.repeat_latest(ground.draw)


class Rebuilding(Fault):
    """The views are rebuilt and switched; `killed`: the replaying processes die once."""

    def __init__(self, killed: bool) -> None:
        super().__init__("rebuild, killed once" if killed else "rebuild", "views")
        self._killed = killed

    async def inject(self, ground: Ground) -> None:
        """Rebuild, as often as it takes. Raises RebuildRefused when the generations differ."""
        access, ends = ground.site.pipeline.rebuild_access, time.monotonic() + REBUILD_SECONDS
        killer = asyncio.create_task(_kill_replaying()) if self._killed else None
        tries = 0
        try:
            while True:
                tries += 1
                try:
                    if tries == 1:
                        await drop_others(access)
                    await rebuild(access, Options(processes=1), _ignored)
                except _PASSING as error:
                    if "differs" in str(error) or time.monotonic() > ends:
                        raise
                    await asyncio.sleep(REBUILD_AGAIN_SECONDS)
                else:
                    break
        finally:
            if killer is not None:
                killer.cancel()
                await asyncio.wait([killer])
        self.note = f"{tries} tries" if tries > 1 else ""


_PASSING: Final = (
    Transient, RebuildRefused, KafkaError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError,
)  # fmt: skip


def _ignored(_: Step) -> None:
    """Nobody reads how far a rebuild is."""


async def _kill_replaying() -> None:
    """Kill the first replaying processes of this one as soon as there are some."""
    while True:
        found: list[Any] = [
            process for process in psutil.Process().children() if "services.rebuild" in process.cmdline()
        ]
        for process in found:
            process.kill()
        if found:
            return
        await asyncio.sleep(0.05)
