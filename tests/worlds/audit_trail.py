"""The audit trail: a topic of events that tests write themselves, and an auditor over it.

`auditing` runs an auditor in the process of the test, without a consumer: the test hands it the records. No
other service runs.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import orjson
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from projections.trail.leaf import leaf_of
from projections.trail.merkle import Tree
from services.auditor.consumer import Auditor, Settings
from services.auditor.signing import signer
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.log_reader import open_log
from services.runtime.periodic import Readiness
from tests.support.stack import Database, Stack

FIRST_EVENT = {
    "specversion": "1.0",
    "id": "0190a1b2-c3d4-7e5f-8a9b-000000000000",
    "source": "/vita/normalizer",
    "type": "profile.login.succeeded",
    "subject": "sub_" + "0" * 32,
    "time": "2026-11-23T10:00:00.123Z",
    "dataversion": 1,
    "tenant": "demo",
    "actor": "connection:google-oauth2",
    "data": {"connection": "google-oauth2"},
}


KEY = b"demo/somebody"


class LoggedRecord(NamedTuple):
    """A record as the auditor gets it."""

    partition: int
    offset: int
    value: bytes | None


def event(number: int, **changed: object) -> bytes:
    """The number-th event, of one of 16 people."""
    own = {
        "id": f"0190a1b2-c3d4-7e5f-8a9b-{number:012x}",
        "subject": f"sub_{number % 16:032x}",
        "time": f"2026-11-23T10:{number // 60 % 60:02}:{number % 60:02}.000Z",
    }
    return orjson.dumps(FIRST_EVENT | own | changed)


async def publish(kafka: KafkaAccess, topic: str, values: Mapping[int, Sequence[bytes | None]]) -> None:
    """Appends values to the partitions they are given for."""
    producer = AIOKafkaProducer(**kafka.arguments(), acks="all", enable_idempotence=True)
    await producer.start()
    try:
        for partition, parts in values.items():
            for value in parts:
                await producer.send(topic, key=KEY, value=value, partition=partition)
        await producer.flush()
    finally:
        await producer.stop()


async def forget_before(kafka: KafkaAccess, topic: str, offset: int) -> None:
    """Takes the records of partition 0 below an offset out of the log."""
    admin = AIOKafkaAdminClient(**kafka.arguments())
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=offset)})
    finally:
        await admin.close()


async def log_folder(kafka: KafkaAccess) -> Path:
    """The folder in which the broker keeps its log, on this machine."""
    admin = AIOKafkaAdminClient(**kafka.arguments())
    await admin.start()
    try:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.BROKER, "1")])
    finally:
        await admin.close()
    (resource,) = answer.resources
    return Path(next(entry[1] for entry in resource[4] if entry[0] == "log.dirs"))


async def read_log(kafka: KafkaAccess, topic: str) -> list[LoggedRecord]:
    """Everything the topic holds, partition after partition."""
    records = []
    async with open_log(kafka, topic) as log:
        for partition in log.partitions:
            end = await log.end(partition)
            await log.go_to(partition)
            while chunk := await log.read(end):
                records += [LoggedRecord(partition, *record) for record in chunk]
    return records


def tree_of(records: Sequence[LoggedRecord], partition: int) -> Tree:
    """The tree that a partition of these records has."""
    tree, _ = Tree().extend(
        [leaf_of(record.value).hash for record in records if record.partition == partition]
    )
    return tree


@asynccontextmanager
async def auditing(stack: Stack, database: Database, prefix: str) -> AsyncIterator[Auditor]:
    """A working auditor in this process, with its own connections and without a consumer. It signs only at
    its end, so that a test may sign with another key."""
    environment = stack.environment("auditor", database, prefix)
    given = Settings(**{name.removeprefix("VITA_").lower(): value for name, value in environment.items()})
    settings = given.model_copy(update={"checkpoint_seconds": 3600})
    auditor = Auditor(settings, signer(settings.checkpoint_provider))
    await auditor.start(Readiness())
    try:
        yield auditor
    finally:
        await auditor.stop()
