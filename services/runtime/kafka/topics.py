"""Topics on the real broker, as the catalogue says."""

import asyncio
from collections.abc import Mapping

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from schemas.errors import Transient
from schemas.topics import TIMESTAMPS, Topic, TopicSpec, catalogue
from services.runtime.kafka.access import KafkaAccess

SHOWN_SECONDS = 30
TOPICS_OWN = 1
"""Where a setting comes from, in Kafka's numbers: set on the topic itself."""


class TopicMismatch(Exception):
    """A topic exists with other key settings than the catalogue's; using it could lose or tear apart
    history."""


async def ensure_topics(kafka: KafkaAccess, prefix: str = "", replication: int = 1) -> list[Topic]:
    """Creates the missing topics; the ones it created. Idempotent. Raises TopicMismatch or Transient."""
    admin = AIOKafkaAdminClient(**kafka.arguments(), request_timeout_ms=30_000)
    try:
        await admin.start()
        existing = set(await admin.list_topics())
        missing = [topic for topic in catalogue() if prefix + topic.value not in existing]
        created = [
            topic for topic in missing if await _create(admin, prefix, catalogue()[topic], replication)
        ]
        await _until_shown(admin, {prefix + topic.value: catalogue()[topic].partitions for topic in missing})
        for topic in set(catalogue()) - set(missing):
            await _check(admin, prefix, catalogue()[topic])
    except (KafkaError, OSError) as error:
        raise Transient(f"kafka: {type(error).__name__}: {error}") from error
    finally:
        await admin.close()
    return created


async def _create(admin: AIOKafkaAdminClient, prefix: str, spec: TopicSpec, replication: int) -> bool:
    name = prefix + spec.topic.value
    response = await admin.create_topics(
        [NewTopic(name, spec.partitions, replication, topic_configs=spec.config())], timeout_ms=30_000
    )
    code: int = response.topic_errors[0][1]
    if code not in (0, TopicAlreadyExistsError.errno):
        raise TopicMismatch(f"the broker refused to create {name} (error {code})")
    return code == 0


async def _until_shown(admin: AIOKafkaAdminClient, partitions: Mapping[str, int]) -> None:
    """A broker answers for a new topic a moment before it shows the partitions."""
    if not partitions:
        return
    async with asyncio.timeout(SHOWN_SECONDS):
        while True:
            found = {t["topic"]: len(t["partitions"]) for t in await admin.describe_topics(list(partitions))}
            if all(found.get(name, 0) >= count for name, count in partitions.items()):
                return
            await asyncio.sleep(0.05)


async def _check(admin: AIOKafkaAdminClient, prefix: str, spec: TopicSpec) -> None:
    name = prefix + spec.topic.value
    described = (await admin.describe_topics([name]))[0]
    configuration = await _configuration(admin, name)
    found = {"partitions": str(len(described["partitions"]))} | {
        key: value for key, (value, _) in configuration.items()
    }
    wanted = {"partitions": str(spec.partitions)} | spec.config()
    wrong = {key: (value, found.get(key)) for key, value in wanted.items() if found.get(key) != value}
    if wrong.keys() == {TIMESTAMPS}:
        own = {key: value for key, (value, is_own) in configuration.items() if is_own}
        await _alter(admin, name, {**own, TIMESTAMPS: wanted[TIMESTAMPS]})
        return
    if wrong:
        differences = ", ".join(
            f"{key} is {actual}, must be {value}" for key, (value, actual) in sorted(wrong.items())
        )
        raise TopicMismatch(f"topic {name}: {differences}")


async def _alter(admin: AIOKafkaAdminClient, name: str, settings: Mapping[str, str]) -> None:
    """Change how later records are stamped. `settings` must be all settings of the topic, because the broker
    resets those that are not named."""
    responses = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, dict(settings))])
    code = responses[0].resources[0][0]
    if code != 0:
        raise TopicMismatch(f"the broker refused to alter {name} (error {code})")


async def _configuration(admin: AIOKafkaAdminClient, name: str) -> Mapping[str, tuple[str, bool]]:
    """Setting -> its value, and whether it is the topic's own."""
    responses = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    return {
        entry[0]: (entry[1], entry[3] == TOPICS_OWN)
        for response in responses
        for resource in response.resources
        for entry in resource[4]
    }
