"""Raw logins are taken from those who may report them, on the real broker and database; the package
standardwebhooks is the judge of signatures."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import ConsumerRecord
from standardwebhooks import Webhook

from deploy.local.state import CHECKOUT
from schemas.errors import InvalidEvent
from schemas.formats import exact_json
from schemas.logins.signature import INGEST, Headers, shown_secret
from schemas.topics import Topic
from services.cli.addresses import Ledger
from services.cli.failure import CommandFailed
from services.cli.status.health import workers
from services.cli.tenants.gateway_registration import add_gateway, gateways, revoke_gateway, rotate_gateway
from services.ledger.progress.heartbeats import list_beats
from services.normalizer.consumer import Normalizer, Settings
from services.normalizer.content_modes import signed_body
from services.runtime.periodic import Readiness
from tests.samples.raw_logins import make_event
from tests.support.patience import soon
from tests.support.processes import python
from tests.support.stack import Stack
from tests.worlds.ingest import LOGINS, make_ingest_site
from tests.worlds.pipeline import Pipeline, make_pipeline, producing

LATER = timedelta(minutes=10)


def ledger(pipeline: Pipeline) -> Ledger:
    settings = pipeline.settings("normalizer")
    return Ledger(pipeline.database.url_for("operator"), settings["key_provider"])


async def gateway(pipeline: Pipeline, tenant: str = "demo") -> tuple[str, str]:
    """The id and the secret of a new gateway."""
    made = await add_gateway(ledger(pipeline), tenant, "eu-1")
    return made["gateway"], made["secret"]


def signed(login: dict[str, Any], name: str, *secrets: str, at: datetime | None = None) -> Headers:
    """The headers of a gateway that uses the package, with a signature by each secret."""
    at = at or datetime.now(UTC)
    body = exact_json.dumps(login).decode()
    signatures = " ".join(Webhook(secret).sign(login["id"], at, body) for secret in secrets)
    return [
        ("webhook-id", login["id"].encode()),
        ("webhook-timestamp", str(int(at.timestamp())).encode()),
        ("webhook-signature", signatures.encode()),
        ("vita-gateway", name.encode()),
    ]


def other(headers: Headers, **changes: bytes) -> Headers:
    """The headers with some of them replaced."""
    given = {name.replace("_", "-"): value for name, value in changes.items()}
    return [(name, given.get(name, value)) for name, value in headers]


def split(header: tuple[str, bytes], name: str) -> tuple[str, bytes]:
    """The header with the part of its value before the first colon moved into its name: the signed line is
    unchanged, but the attribute is missing."""
    if header[0] != name:
        return header
    first, _, rest = header[1].partition(b":")
    return f"{name}:{first.decode()}", rest


async def dead_letters(pipeline: Pipeline) -> list[tuple[int, str]]:
    """Offset and reason of the dead letters."""
    return sorted((letter.offset, letter.reason) for letter in await pipeline.letters(Topic.LOGINS_RAW_DLQ))


async def logins(pipeline: Pipeline) -> list[str]:
    """The tenants of the logins on the log."""
    return [event.tenant for event in await pipeline.events() if event.type == "profile.login.succeeded"]


async def test_a_gateway_reports_the_logins_of_its_tenant(pipeline: Pipeline) -> None:
    """A login signed with the gateway's key is taken; unsigned, altered, under another id, by another key,
    long before it was stored, or for another tenant, it is a dead letter."""
    await pipeline.add_tenant("other")
    (name, secret), (stranger, foreign) = await gateway(pipeline), await gateway(pipeline, "other")
    login = pipeline.login()
    good, now = signed(login, name, secret), datetime.now(UTC)
    await pipeline.send_raw(login, headers=good)
    await pipeline.send_raw(login, headers=())
    await pipeline.send_raw(login | {"time": "2026-11-23T10:00:01.000Z"}, headers=good)
    await pipeline.send_raw(login | {"id": "another"}, headers=good)
    await pipeline.send_raw(login, headers=other(good, webhook_id=b"another"))
    await pipeline.send_raw(login, headers=signed(login, name, secret, at=now - LATER))
    await pipeline.send_raw(login, headers=signed(login, name, secret, at=now + LATER))
    await pipeline.send_raw(
        login, headers=other(good, webhook_timestamp=str(int(now.timestamp()) - 9).encode())
    )
    await pipeline.send_raw(login, headers=signed(login, name, foreign))
    await pipeline.send_raw(login, headers=signed(login, stranger, foreign))
    await pipeline.send_raw(login, headers=other(good, vita_gateway=b"gw_nobody"))
    await pipeline.send_raw(login, headers=other(good, vita_gateway=INGEST.encode()))
    await pipeline.send_raw(login, headers=[*good, good[0]])
    for bad in (b"", b"v1,", b"v2" + good[2][1][2:], b"v1,!!", b"\xff\xfe", good[2][1][:-4]):
        await pipeline.send_raw(login, headers=other(good, webhook_signature=bad))
    await pipeline.send_raw(
        login | {"tenant": "other"}, headers=signed(login | {"tenant": "other"}, name, secret)
    )
    await pipeline.normalize()
    assert await dead_letters(pipeline) == [(offset, "not_authentic") for offset in range(1, 20)]
    assert await logins(pipeline) == ["demo"]


async def test_a_signed_login_is_not_taken_later(pipeline: Pipeline) -> None:
    """A copy of a signed login counts for nothing once the tolerance has passed, on whatever partition and
    with whatever time its producer gives it: the broker's time counts."""
    name, secret = await gateway(pipeline)
    login, signed_at = pipeline.login(), datetime.now(UTC) - LATER
    headers = signed(login, name, secret, at=signed_at)
    topic, claimed = pipeline.prefix + Topic.LOGINS_RAW.value, int(signed_at.timestamp() * 1000)
    async with producing(pipeline.stack.kafka) as producer:
        for partition in (0, 5):
            await producer.send(topic, exact_json.dumps(login), b"key", partition, claimed, headers)
    await pipeline.normalize()
    assert await dead_letters(pipeline) == [(0, "not_authentic")] * 2
    assert await logins(pipeline) == []


async def test_a_login_in_binary_mode_is_signed_with_its_attributes(pipeline: Pipeline) -> None:
    """In binary mode the signature covers the `ce_` headers too: with any of them changed, doubled, added or
    taken away the login is refused, and it does not pass as structured."""
    name, secret = await gateway(pipeline)
    login = pipeline.login()
    value = exact_json.dumps(login.pop("data"))
    attributes = [(f"ce_{attribute}", text.encode()) for attribute, text in login.items()]
    lines = "".join(sorted(f"{header}:{text.decode()}\n" for header, text in attributes))
    at = datetime.now(UTC)
    signature = Webhook(secret).sign(login["id"], at, f"{lines}\n{value.decode()}")
    good = other(signed({"id": login["id"]}, name, secret, at=at), webhook_signature=signature.encode())
    await pipeline.send_raw(value, headers=[*attributes, *good])
    for changed in (
        [(header, b"//evil" if header == "ce_source" else text) for header, text in attributes],
        [*attributes, ("ce_extension", b"x")],
        [*attributes, attributes[0]],
        [one for one in attributes if one[0] != "ce_time"],
        [*attributes, ("ce_line", b"a\nce_other:b")],
        [*attributes, ("ce_\u00df", b"x")],
        [split(one, "ce_time") for one in attributes],
        [split(one, "ce_source") for one in attributes],
        [*attributes, ("content-type", b"application/cloudevents+json")],
    ):
        await pipeline.send_raw(value, headers=[*changed, *good])
    await pipeline.normalize()
    assert await logins(pipeline) == ["demo"]
    assert {reason for _, reason in await dead_letters(pipeline)} <= {"not_authentic", "contract"}
    assert len(await dead_letters(pipeline)) == 9
    (record, *_) = await pipeline.logged(Topic.LOGINS_RAW)
    odd = replace(record, headers=(*record.headers, ("ce_\udcff", b"x")))
    with pytest.raises(InvalidEvent, match="contract"):
        signed_body(odd)


async def test_keys_are_rotated_and_revoked(pipeline: Pipeline) -> None:
    """While a secret is replaced both count, together or alone; one that has ended counts on what the broker
    stored before, for as long as the topic retains it."""
    name, first = await gateway(pipeline)
    second = (await rotate_gateway(ledger(pipeline), "demo", name, timedelta(hours=1)))["secret"]
    for secrets in ([first], [second], [second, first]):
        login = pipeline.login()
        await pipeline.send_raw(login, headers=signed(login, name, *secrets))
    await pipeline.normalize()
    assert await dead_letters(pipeline) == []
    third = (await rotate_gateway(ledger(pipeline), "demo", name, timedelta(0)))["secret"]
    days_ago = datetime.now(UTC) - timedelta(days=3)
    for secret, at in ((second, None), (second, days_ago), (third, None)):
        login = pipeline.login()
        stored = None if at is None else int(at.timestamp() * 1000)
        await pipeline.send_raw(login, headers=signed(login, name, secret, at=at), timestamp_ms=stored)
    await revoke_gateway(ledger(pipeline), "demo", name)
    login = pipeline.login()
    await pipeline.send_raw(login, headers=signed(login, name, third))
    await pipeline.normalize({0: 3})
    assert await dead_letters(pipeline) == [(3, "not_authentic"), (6, "not_authentic")]
    (one, *rest) = await gateways(ledger(pipeline), "demo")
    assert (one["gateway"], one["number"], len(rest)) == (name, 1, 2)
    assert all(row["ends_at"] for row in (one, *rest))
    assert first.removeprefix("whsec_") not in str(rest)
    for command in (
        revoke_gateway(ledger(pipeline), "demo", name),
        rotate_gateway(ledger(pipeline), "other", name, timedelta(0)),
        add_gateway(ledger(pipeline), "nobody", "x"),
    ):
        with pytest.raises(CommandFailed):
            await command


async def test_the_gateway_in_the_readme_reports_a_login(pipeline: Pipeline) -> None:
    """The program in the README, run unchanged with the principal of gateways, writes a login that counts."""
    kafka = pipeline.stack.kafka_of("gateway")
    if kafka.sasl.mechanism != "SCRAM-SHA-512":
        pytest.skip("the program signs in to Kafka by SCRAM-SHA-512")
    (program,) = re.findall(
        r"```python\n(.*?webhook-signature.*?)```", (CHECKOUT / "README.md").read_text(), re.DOTALL
    )
    topic = f'"{pipeline.prefix}{Topic.LOGINS_RAW.value}"'
    name, secret = await gateway(pipeline)
    environment = {
        "VITA_GATEWAY": name,
        "VITA_GATEWAY_SECRET": secret,
        "VITA_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "VITA_GATEWAY_KAFKA_USERNAME": kafka.sasl.username or "",
        "VITA_GATEWAY_KAFKA_PASSWORD": kafka.sasl.password or "",
    }
    async with python("-c", program.replace('"logins.raw"', topic), env=environment) as process:
        assert await soon(process.wait(), 40) == 0
    await pipeline.normalize()
    assert (await dead_letters(pipeline), await logins(pipeline)) == ([], ["demo"])


async def test_a_running_normalizer_learns_new_keys(pipeline: Pipeline) -> None:
    """A key made after the normalizer read the keys counts at once."""
    async with pipeline.normalizer() as normalizer:
        for offset in range(2):
            name, secret = await gateway(pipeline)
            login = pipeline.login()
            await pipeline.send_raw(login, headers=signed(login, name, secret))
            await normalizer.apply((await pipeline.logged(Topic.LOGINS_RAW))[offset:])
    assert await dead_letters(pipeline) == []
    assert await logins(pipeline) == ["demo", "demo"]


async def test_a_key_that_does_not_open_does_not_block_others(pipeline: Pipeline) -> None:
    """Rows with a secret that this installation did not wrap, or wrapped for another gateway, count for
    nothing; the logins of others are taken."""
    (name, secret), (broken, lost), (moved, stolen) = [await gateway(pipeline) for _ in range(3)]
    await pipeline.run("UPDATE ledger.gateway_key SET secret = '\\x00' WHERE gateway = $1", broken)
    await pipeline.run(
        "UPDATE ledger.gateway_key SET secret = (SELECT secret FROM ledger.gateway_key WHERE gateway = $1)"
        " WHERE gateway = $2", name, moved,
    )  # fmt: skip
    for key, by in ((secret, name), (lost, broken), (stolen, moved), (secret, moved)):
        login = pipeline.login()
        await pipeline.send_raw(login, headers=signed(login, by, key))
    await pipeline.normalize()
    assert await dead_letters(pipeline) == [(offset, "not_authentic") for offset in (1, 2, 3)]
    assert await logins(pipeline) == ["demo"]


async def test_ingest_signs_what_it_accepts(stack: Stack) -> None:
    """A login accepted over HTTP is signed as Standard Webhooks says, for any tenant, and is normalized."""
    site = await make_ingest_site(stack)
    pipeline = await make_pipeline(stack, (site.database, site.prefix))
    async with site.client() as client:
        answer = await client.post(
            LOGINS, content=exact_json.dumps([make_event(id="a.b"), make_event(id="ж")])
        )
    assert answer.json()["accepted"] == 2
    records = await pipeline.logged(Topic.LOGINS_RAW)
    (secret,) = Settings(**pipeline.settings("normalizer")).signing_secrets
    for record in records:
        Webhook(shown_secret(secret)).verify(record.value, texts(record))
    await pipeline.normalize()
    assert await dead_letters(pipeline) == []
    assert await logins(pipeline) == ["demo", "demo"]


def texts(record: ConsumerRecord) -> dict[str, str]:
    return {name: value.decode() for name, value in record.headers}


async def test_status_warns_of_trusted_logins(pipeline: Pipeline) -> None:
    """With VITA_RAW_LOGINS=trusted an unsigned login is taken, and `vita status` warns of it."""
    await pipeline.send_raw(pipeline.login(), headers=())
    normalizer = Normalizer(Settings(**pipeline.settings("normalizer"), raw_logins="trusted"))
    await normalizer.start(Readiness())
    try:
        await normalizer.apply(await pipeline.logged(Topic.LOGINS_RAW))
        async with pipeline.connected() as connection:
            beats = [dict(row) for row in await list_beats(connection)]
    finally:
        await normalizer.stop()
    assert await dead_letters(pipeline) == []
    (process, *_) = workers(beats, {})
    assert "trusted" in (process.notice or "")


def test_keys_are_needed() -> None:
    """Neither ingest nor the normalizer starts without a key while logins must be signed."""
    with pytest.raises(ValueError, match="VITA_LOGIN_SIGNING_KEY"):
        Settings(kafka_bootstrap="kafka:9092", database_url="postgresql://x@y/z", key_provider="file:/x")
