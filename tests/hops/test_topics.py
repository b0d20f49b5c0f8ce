"""Topics on the real broker: made as the catalogue says, and never used when they are not."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas.errors import Transient
from schemas.topics import TIMESTAMPS, Topic, catalogue
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.topics import TopicMismatch, ensure_topics
from tests.support.stack import Stack
from tests.worlds.pipeline import both

NOBODY_LISTENS = KafkaAccess("127.0.0.1:1")


@asynccontextmanager
async def administering(stack: Stack) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**stack.kafka.arguments())
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def settings_of(admin: AIOKafkaAdminClient, name: str) -> dict[str, str]:
    (response,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    return {entry[0]: entry[1] for entry in response.resources[0][4]}


async def shown(stack: Stack, name: str, partitions: int, **settings: str) -> None:
    """Waits until the broker shows a change, which is a moment after it has accepted it."""
    wanted = {key.replace("_", "."): value for key, value in settings.items()}
    async with administering(stack) as admin:

        async def has_settings() -> bool:
            (described,) = await admin.describe_topics([name])
            found = await settings_of(admin, name)
            return len(described["partitions"]) == partitions and wanted.items() <= found.items()

        await stack.until(has_settings)


@pytest_asyncio.fixture
async def prefix(stack: Stack) -> str:
    """A prefix whose topics exist."""
    return await stack.topics()


@pytest_asyncio.fixture
async def unused(stack: Stack) -> AsyncIterator[str]:
    """A prefix without topics; what is made under it goes away."""
    prefix = f"t{secrets.token_hex(4)}."
    yield prefix
    async with administering(stack) as admin:
        await admin.delete_topics([topic for topic in await admin.list_topics() if topic.startswith(prefix)])


async def test_topics_are_as_the_catalogue_says(stack: Stack, prefix: str) -> None:
    """Partitions, retention, clean-up and message size of every topic are the broker's, not only ours."""
    async with administering(stack) as admin:
        described = await admin.describe_topics([prefix + topic for topic in Topic])
        assert {topic["topic"]: len(topic["partitions"]) for topic in described} == {
            prefix + topic: spec.partitions for topic, spec in catalogue().items()
        }
        for topic, spec in catalogue().items():
            assert spec.config().items() <= (await settings_of(admin, prefix + topic)).items()


async def test_a_second_time_makes_nothing(stack: Stack, prefix: str) -> None:
    """Where all topics are there, nothing is created; where one is missing, that one is."""
    assert await ensure_topics(stack.kafka, prefix) == []
    async with administering(stack) as admin:
        await admin.delete_topics([prefix + Topic.LOGINS_RAW_DLQ])

        async def gone() -> bool:
            return prefix + Topic.LOGINS_RAW_DLQ not in await admin.list_topics()

        await stack.until(gone)
    assert await ensure_topics(stack.kafka, prefix) == [Topic.LOGINS_RAW_DLQ]


async def test_several_may_start_at_once(stack: Stack, unused: str) -> None:
    """Services that start together do not trip over one another's topics."""
    made = await both(*(ensure_topics(stack.kafka, unused) for _ in range(4)))
    assert {topic for topics in made for topic in topics} == set(Topic)
    assert await ensure_topics(stack.kafka, unused) == []


async def test_other_partitions_are_refused(stack: Stack, prefix: str) -> None:
    """More partitions would tear people's histories apart: the topic is named, and nothing runs."""
    async with administering(stack) as admin:
        await admin.create_partitions({prefix + Topic.PROFILE_EVENTS: NewPartitions(13)})
    await shown(stack, prefix + Topic.PROFILE_EVENTS, 13)
    with pytest.raises(TopicMismatch, match=r"profile\.events: partitions is 13, must be 12"):
        await ensure_topics(stack.kafka, prefix)


async def test_facts_that_would_be_forgotten_are_refused(stack: Stack, prefix: str) -> None:
    """A broker that would delete or compact history is not used."""
    wrong = {"retention.ms": "86400000", "cleanup.policy": "compact"}
    async with administering(stack) as admin:
        resource = ConfigResource(ConfigResourceType.TOPIC, prefix + Topic.PROFILE_EVENTS, wrong)
        await admin.alter_configs([resource])
    await shown(stack, prefix + Topic.PROFILE_EVENTS, 12, cleanup_policy="compact")
    with pytest.raises(TopicMismatch, match=r"cleanup\.policy is compact.*retention\.ms is 86400000"):
        await ensure_topics(stack.kafka, prefix)


async def test_whose_clock_stamps_records_is_put_right(stack: Stack, prefix: str) -> None:
    """A topic of an earlier version is altered, and keeps what else was set on it."""
    name = prefix + Topic.PROFILE_EVENTS
    earlier = {**catalogue()[Topic.PROFILE_EVENTS].config(), "segment.bytes": "12345678"}
    del earlier[TIMESTAMPS]
    async with administering(stack) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, earlier)])
    await shown(stack, name, 12, segment_bytes="12345678")
    assert await ensure_topics(stack.kafka, prefix) == []
    await shown(stack, name, 12, segment_bytes="12345678", message_timestamp_type="LogAppendTime")


async def test_an_existing_topic_is_checked(stack: Stack, unused: str) -> None:
    """A topic that was there before is taken only with the right settings."""
    async with administering(stack) as admin:
        await admin.create_topics([NewTopic(unused + Topic.LOGINS_RAW, 3, 1)])
    await shown(stack, unused + Topic.LOGINS_RAW, 3)
    with pytest.raises(TopicMismatch, match=r"logins\.raw: .*partitions is 3, must be 12"):
        await ensure_topics(stack.kafka, unused)


async def test_no_broker_is_a_passing_failure() -> None:
    """An absent broker is a transient failure, unlike a wrong topic."""
    with pytest.raises(Transient, match="kafka"):
        await ensure_topics(NOBODY_LISTENS)
