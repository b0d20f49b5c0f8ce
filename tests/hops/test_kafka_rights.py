"""Each principal may do on Kafka what the table of rights says, and nothing else, on the real broker."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from deploy.kafka_rights import RIGHTS, as_table
from deploy.local.state import CHECKOUT
from deploy.prepare import Installation, prepare_rights
from schemas.topics import Topic
from services.runtime.kafka.access import KafkaAccess
from tests.support.stack import Stack

Right = tuple[str, str]


@pytest.fixture(autouse=True)
def _secured(stack: Stack) -> None:
    """Skips the test if the given brokers do not authenticate clients."""
    if not stack.kafka.uses_sasl:
        pytest.skip("these brokers authenticate nobody")


async def can_write(kafka: KafkaAccess, topic: str) -> bool:
    """Whether a record is taken."""
    producer = AIOKafkaProducer(**kafka.arguments(), acks="all", enable_idempotence=True)
    try:
        await producer.start()
        await producer.send_and_wait(topic, b"{}", key=b"k", partition=0)
    except (ClusterAuthorizationFailedError, TopicAuthorizationFailedError):
        return False
    finally:
        await producer.stop()
    return True


async def can_see(kafka: KafkaAccess, topic: str) -> bool:
    """Whether the topic is there for this client; one who may read or write it may see it."""
    admin = AIOKafkaAdminClient(**kafka.arguments())
    await admin.start()
    try:
        (found,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    assert found["error_code"] in (0, TopicAuthorizationFailedError.errno)
    return bool(found["error_code"] == 0)


async def can_read(kafka: KafkaAccess, topic: str) -> bool:
    """Whether the topic's first record is given out. A consumer would wait for a topic that it cannot see."""
    if not await can_see(kafka, topic):
        return False
    consumer = AIOKafkaConsumer(**kafka.arguments(), enable_auto_commit=False)
    await consumer.start()
    try:
        place = TopicPartition(topic, 0)
        consumer.assign([place])
        consumer.seek(place, 0)
        record = await asyncio.wait_for(consumer.getone(place), 20)
    except TopicAuthorizationFailedError:
        return False
    finally:
        await consumer.stop()
    return record.value is not None


async def can_join(kafka: KafkaAccess, group: str, topic: str) -> bool:
    """Whether positions can be kept in the group."""
    consumer = AIOKafkaConsumer(**kafka.arguments(), group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        place = TopicPartition(topic, 0)
        consumer.assign([place])
        await consumer.commit({place: 1})
    except (GroupAuthorizationFailedError, TopicAuthorizationFailedError):
        return False
    finally:
        await consumer.stop()
    return True


async def of_everybody(stack: Stack, allowed: Any) -> dict[str, set[Any]]:
    """By principal, for which of these things it is allowed."""
    found = await asyncio.gather(*(allowed(service) for service in RIGHTS))
    return dict(zip(RIGHTS, found, strict=True))


async def test_each_principal_reads_and_writes_what_the_table_says(stack: Stack) -> None:
    """Every principal is tried on every topic, for reading and for writing."""
    prefix = await stack.topics()
    for topic in Topic:
        assert await can_write(stack.kafka, prefix + topic)

    async def allowed(service: str) -> set[Right]:
        kafka, found = stack.kafka_of(service), set()
        for topic in Topic:
            if await can_read(kafka, prefix + topic):
                found.add(("read", topic.value))
            if await can_write(kafka, prefix + topic):
                found.add(("write", topic.value))
        return found

    assert await of_everybody(stack, allowed) == {
        service: {("read", topic.value) for topic in rights.reads}
        | {("write", topic.value) for topic in rights.writes}
        for service, rights in RIGHTS.items()
    }


async def test_each_principal_keeps_positions_in_its_own_group(stack: Stack) -> None:
    """A worker joins its own consumer group and no other worker's; a gateway joins those named after it."""
    prefix = await stack.topics()
    groups = ["vita-normalizer", "vita-projector", "vita-auditor", "gateway-eu-1"]

    async def allowed(service: str) -> set[str]:
        readable = sorted(RIGHTS[service].reads)
        topic = prefix + (readable[0] if readable else Topic.LOGINS_RAW)
        kafka = stack.kafka_of(service)
        return {group for group in groups if await can_join(kafka, prefix + group, topic)}

    own = {service: {rights.group} - {None} for service, rights in RIGHTS.items()}
    assert await of_everybody(stack, allowed) == own | {"gateway": {"gateway-eu-1"}}


async def test_no_service_begins_a_transaction(stack: Stack) -> None:
    """One that is left open would hide everything behind it from the workers."""
    prefix = await stack.topics()
    for service in RIGHTS:
        producer = AIOKafkaProducer(
            **stack.kafka_of(service).arguments(), transactional_id=f"{prefix}{service}"
        )
        try:
            with pytest.raises(TransactionalIdAuthorizationFailed):
                await producer.start()
        finally:
            await producer.stop()


async def test_no_service_deletes_records(stack: Stack) -> None:
    """What is on a topic stays there until its retention ends."""
    prefix = await stack.topics()
    for topic in Topic:
        assert await can_write(stack.kafka, prefix + topic)
    for service in RIGHTS:
        admin = AIOKafkaAdminClient(**stack.kafka_of(service).arguments())
        await admin.start()
        try:
            for topic in Topic:
                with pytest.raises(KafkaError):
                    await admin.delete_records({TopicPartition(prefix + topic, 0): RecordsToDelete(-1)})
                answer = await admin.delete_topics([prefix + topic])
                assert answer.topic_error_codes[0][1] != 0
        finally:
            await admin.close()
    for topic in Topic:
        assert await can_read(stack.kafka, prefix + topic)


async def test_no_service_rules_the_cluster(stack: Stack) -> None:
    """Creating a topic and seeing another installation's topics is for the administrator alone."""
    mine, others = await stack.topics(), f"{await stack.topics()}x."
    for service in RIGHTS:
        admin = AIOKafkaAdminClient(**stack.kafka_of(service).arguments())
        await admin.start()
        try:
            answer = await admin.create_topics([NewTopic(f"{others}{service}", 1, 1)])
            assert answer.topic_errors[0][1] in (29, 31)
            visible = {name for name in await admin.list_topics() if name.startswith(mine)}
        finally:
            await admin.close()
        rights = RIGHTS[service]
        assert visible == {mine + topic for topic in rights.reads | rights.writes}


async def test_a_stranger_does_not_connect(stack: Stack) -> None:
    """Without credentials, or with a wrong password or user, there is no connection."""
    ingest = stack.kafka_of("ingest")
    strangers = [
        KafkaAccess(ingest.bootstrap),
        ingest.as_user("vita-ingest", "wrong"),
        ingest.as_user("nobody", ingest.sasl.password or ""),
        ingest.as_user("vita-ingest", ingest.sasl.password or "", "PLAIN"),
    ]
    for stranger in strangers:
        producer = AIOKafkaProducer(**stranger.arguments(), request_timeout_ms=2000)
        with pytest.raises((KafkaConnectionError, KafkaError)):
            await producer.start()
        await producer.stop()


async def test_an_installation_is_provisioned_with_an_administrators_credentials(stack: Stack) -> None:
    """`deploy prepare` creates the principals whose passwords are given, under names of the installation, and
    gives all of them their rights; twice is as good as once."""
    prefix = await stack.topics()
    environment = stack.kafka.environment() | {
        "VITA_POSTGRES_ADMIN_URL": stack.admin_url,
        "VITA_TOPIC_PREFIX": prefix,
        "VITA_KEY_PROVIDER": "env:KEK",
        "VITA_INGEST_KAFKA_PASSWORD": "first",
        "VITA_AUDITOR_KAFKA_USERNAME": f"{prefix}reader",
        "VITA_AUDITOR_KAFKA_PASSWORD": "second",
    }
    installation = Installation.from_environment(environment)
    for _ in range(2):
        assert await prepare_rights(installation) == "7 principals, 2 of them users"
    ingest, auditor = installation.kafka_of("ingest"), installation.kafka_of("auditor")
    assert (ingest.sasl.username, auditor.sasl.username) == (f"{prefix}vita-ingest", f"{prefix}reader")
    topic = prefix + Topic.LOGINS_RAW
    await stack.until(lambda: _connects(auditor))
    assert await can_write(ingest, topic)
    assert not await can_write(auditor, topic)


async def _connects(kafka: KafkaAccess) -> bool:
    admin = AIOKafkaAdminClient(**kafka.arguments())
    try:
        await admin.start()
    except KafkaError:
        return False
    finally:
        await admin.close()
    return True


def test_the_operators_document_has_the_table() -> None:
    """deploy/README.md shows the rights that are granted."""
    assert as_table() in (CHECKOUT / "deploy" / "README.md").read_text()
