"""`vita status` on the real broker and database: the extent of the topics, and what is missing."""

import pytest_asyncio
from aiokafka import AIOKafkaProducer

from schemas.topics import Topic
from services.cli.status.health import WORKERS, StackHealth, WorkerProgress
from services.cli.status.probe import ProbeTargets, probe
from services.runtime.kafka.access import KafkaAccess
from tests.support.stack import Database, Stack


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def targets(stack: Stack, database: Database) -> ProbeTargets:
    """A broker and a database without workers and services."""
    return ProbeTargets(stack.kafka, database.url_for("operator"), await stack.topics(), {})


def lags(health: StackHealth) -> list[WorkerProgress | None]:
    assert [worker.name for worker in health.workers] == list(WORKERS)
    return [worker.progress for worker in health.workers]


async def test_the_lag_is_that_of_the_workers_own_topic(stack: Stack, targets: ProbeTargets) -> None:
    """Over all partitions: two raw logins wait for the normalizer, three events for the others."""
    async with AIOKafkaProducer(**targets.kafka.arguments()) as producer:
        for topic, count in ((Topic.LOGINS_RAW, 2), (Topic.PROFILE_EVENTS, 3)):
            for partition in range(count):
                await producer.send_and_wait(targets.topic(topic), b"x", partition=partition)

    async def answer() -> StackHealth | None:
        health = await probe(targets)
        return health if health.broker.state == "up" else None

    # a broker that has just started first makes the topic in which groups keep their positions
    health: StackHealth = await stack.until(answer)
    assert (health.broker.error, health.database.state) == (None, "up")
    assert lags(health) == [WorkerProgress(0, 2), WorkerProgress(0, 3), WorkerProgress(0, 3)]


async def test_missing_topics_are_named(targets: ProbeTargets) -> None:
    """The broker answers, but under this prefix it has no topic of Vita's."""
    absent = ProbeTargets(targets.kafka, targets.database_url, "absent-", {})
    health = await probe(absent)
    assert (health.broker.state, health.broker.version) == ("down", "Kafka, 1 broker")
    assert (health.broker.error or "").startswith("no topic absent-logins.raw, absent-profile.events: ")
    assert lags(health)[0] is None


async def test_a_broker_that_is_away_is_down(targets: ProbeTargets) -> None:
    """The positions in the database are known all the same, without a lag."""
    away = ProbeTargets(KafkaAccess("127.0.0.1:1"), targets.database_url, targets.topic_prefix, {})
    health = await probe(away)
    assert (health.broker.state, health.broker.error) == ("down", "connection refused")
    assert lags(health) == [None, WorkerProgress(0, None), WorkerProgress(0, None)]
