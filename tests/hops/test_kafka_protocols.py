"""Clients with certificates, users over TLS and tokens, on a real broker with a listener for each."""

import base64
import json
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from deploy.kafka_principals import create_users, grant, new_passwords, principals
from deploy.local.processes import ProcessCommand, Ready
from deploy.local.servers import artifacts, kafka
from deploy.local.stack import Launch, LocalStack
from schemas.errors import Transient
from schemas.sealing.mapper import Record
from schemas.topics import Topic
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.log_reader import open_log
from services.runtime.kafka.log_writer import LogWriter
from services.runtime.kafka.producers import open_producer
from services.runtime.kafka.topics import ensure_topics
from services.runtime.settings import kafka_from
from tests.support.fake_vita import FakeVita

LOGIN = Record(b"key", b"{}")
OAUTH_LOGIN = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;"


@dataclass
class Brokers:
    """One broker with three more listeners, and what clients need to reach them."""

    plain: KafkaAccess
    """The administrator's access."""
    passwords: Mapping[str, str]
    ports: Mapping[str, int]
    folder: Path

    def access(self, listener: str, **variables: str) -> KafkaAccess:
        """What a service's settings make of these variables, for one listener."""
        given = {"BOOTSTRAP": f"127.0.0.1:{self.ports[listener]}", **variables}
        return kafka_from({f"VITA_KAFKA_{name}": value for name, value in given.items()})

    def file(self, name: str) -> str:
        """A PEM file."""
        return str(self.folder / name)

    def certificate(self, name: str) -> dict[str, str]:
        """The variables of a client certificate."""
        return {"CERTIFICATE": self.file(f"{name}.pem"), "KEY": self.file(f"{name}.key")}


def free_ports(count: int) -> list[int]:
    """Ports that are unused at present."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def write_certificates(folder: Path) -> None:
    """An authority, the broker's certificate, and those of two clients; a stranger's comes from elsewhere."""
    authority, elsewhere = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    elsewhere.cert_pem.write_to_path(folder / "elsewhere.pem")
    broker = authority.issue_cert("127.0.0.1", common_name="broker")
    key = load_pem_private_key(broker.private_key_pem.bytes(), None)
    pkcs8 = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = b"".join(part.bytes() for part in broker.cert_chain_pems)
    (folder / "broker.pem").write_bytes(pkcs8 + chain)
    for issuer, name in ((authority, "vita-auditor"), (authority, "nobody"), (elsewhere, "stranger")):
        client = issuer.issue_cert(name, common_name=name)
        client.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
        client.private_key_pem.write_to_path(folder / f"{name}.key")


def with_listeners(settings: dict[str, str], ports: Mapping[str, int], folder: Path) -> dict[str, str]:
    """The settings with a listener for certificates, one for users over TLS and one for tokens."""
    addresses = "".join(f",{name}://127.0.0.1:{port}" for name, port in ports.items())
    return settings | {
        "listeners": settings["listeners"] + addresses,
        "advertised.listeners": settings["advertised.listeners"] + addresses,
        "listener.security.protocol.map": settings["listener.security.protocol.map"]
        + ",CERTIFICATES:SSL,USERS:SASL_SSL,TOKENS:SASL_PLAINTEXT",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "broker.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "ca.pem"),
        "listener.name.certificates.ssl.client.auth": "required",
        "ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
        "listener.name.users.sasl.enabled.mechanisms": kafka.MECHANISM,
        "listener.name.users.scram-sha-512.sasl.jaas.config": settings[
            "listener.name.clients.scram-sha-512.sasl.jaas.config"
        ],
        "listener.name.tokens.sasl.enabled.mechanisms": "OAUTHBEARER",
        "listener.name.tokens.oauthbearer.sasl.jaas.config": OAUTH_LOGIN,
    }


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def brokers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Brokers]:
    """A broker of this module's own, with topics, users and rights."""
    folder = tmp_path_factory.mktemp("protocols")
    write_certificates(folder)
    jars = artifacts.fetch(
        artifacts.parse_lock(artifacts.KAFKA_LOCK.read_text()), artifacts.cache_folder(), lambda *_: None
    )
    local = LocalStack(folder / "state")
    ports = dict(zip(("CERTIFICATES", "USERS", "TOKENS"), free_ports(3), strict=True))
    with local.state.lock():
        try:
            administrator = await start(local, jars, ports, folder)
            passwords = new_passwords()
            everybody = principals(passwords).values()
            await create_users(administrator, everybody, kafka.MECHANISM)
            await grant(administrator, everybody, "")
            await ensure_topics(administrator)
            yield Brokers(administrator, passwords, ports, folder)
        finally:
            await local.stop("kafka", budget_s=0)


async def start(
    local: LocalStack, jars: Sequence[Path], ports: Mapping[str, int], folder: Path
) -> KafkaAccess:
    """The broker, running; how its administrator connects."""
    home = local.state.build("kafka", lambda target: kafka.format_storage(target, jars))
    password = (home / "password").read_text()

    def command(chosen: Mapping[str, int]) -> ProcessCommand:
        settings = kafka.properties(home / "data", chosen["kafka"], chosen["kafka_controller"], password)
        settings = with_listeners(settings, ports, folder)
        return ProcessCommand(
            kafka.argv(kafka.write_properties(home / "server.properties", settings), jars), {}
        )

    def administrator(chosen: Mapping[str, int]) -> KafkaAccess:
        return kafka.administrator(chosen["kafka"], password)

    def ready(chosen: Mapping[str, int]) -> Ready:
        return lambda _pid: kafka.answers(administrator(chosen))

    launch = Launch(("kafka", "kafka_controller"), command, ready)
    return administrator(await local.launch("kafka", launch))


async def writes(access: KafkaAccess, topic: Topic) -> bool:
    """Whether a record is taken; False when the connection or the right is missing."""
    try:
        log = await LogWriter.open(access, topic.value)
    except Transient:
        return False
    try:
        await log.append([LOGIN])
    except Transient:
        return False
    finally:
        await log.close()
    return True


async def reads(access: KafkaAccess, topic: Topic) -> bool:
    """Whether the topic can be read."""
    try:
        async with open_log(access, topic.value) as log:
            await log.end(0)
    except (Transient, LookupError):
        return False
    return True


async def test_a_client_certificate_is_a_principal(brokers: Brokers) -> None:
    """Over SSL the name in the certificate has its rights; without one, or with a stranger's, nothing."""
    tls = {"SECURITY_PROTOCOL": "SSL", "CA": brokers.file("ca.pem")}
    auditor = brokers.access("CERTIFICATES", **tls, **brokers.certificate("vita-auditor"))
    assert await reads(auditor, Topic.PROFILE_EVENTS)
    assert not await writes(auditor, Topic.PROFILE_EVENTS)
    assert not await reads(auditor, Topic.LOGINS_RAW)
    for other in ({}, brokers.certificate("nobody"), brokers.certificate("stranger")):
        assert not await reads(brokers.access("CERTIFICATES", **tls, **other), Topic.PROFILE_EVENTS)


async def test_a_user_connects_over_tls(brokers: Brokers) -> None:
    """Over SASL_SSL a user has its rights once the broker's authority is trusted; another one is refused."""
    user = {
        "SECURITY_PROTOCOL": "SASL_SSL",
        "SASL_MECHANISM": kafka.MECHANISM,
        "USERNAME": "vita-ingest",
        "PASSWORD": brokers.passwords["VITA_INGEST_KAFKA_PASSWORD"],
    }
    ingest = brokers.access("USERS", **user, CA=brokers.file("ca.pem"))
    assert await writes(ingest, Topic.LOGINS_RAW)
    assert not await writes(ingest, Topic.PROFILE_EVENTS)
    for authority in ({"CA": brokers.file("elsewhere.pem")}, {}):
        assert not await writes(brokers.access("USERS", **user, **authority), Topic.LOGINS_RAW)


async def test_a_token_is_a_principal(brokers: Brokers) -> None:
    """With OAUTHBEARER the subject of a fetched token has its rights; an expired token has none."""

    def token(lifetime: int) -> str:
        now = int(time.time())
        parts = ({"alg": "none"}, {"sub": "vita-ingest", "iat": now - 60, "exp": now + lifetime})
        encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
        return b".".join((*encoded, b"")).decode()

    with FakeVita() as issuer:
        for path, lifetime in (("/good", 300), ("/late", -30)):
            issuer.answers("POST", path, 200, {"access_token": token(lifetime), "expires_in": 300})
        client = {
            "SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "SASL_MECHANISM": "OAUTHBEARER",
            "OAUTH_CLIENT_ID": "vita",
            "OAUTH_CLIENT_SECRET": "secret",
        }
        ingest = brokers.access("TOKENS", **client, OAUTH_TOKEN_URL=f"{issuer.url}/good")
        assert await writes(ingest, Topic.LOGINS_RAW)
        assert not await writes(ingest, Topic.PROFILE_EVENTS)
        late = brokers.access("TOKENS", **client, OAUTH_TOKEN_URL=f"{issuer.url}/late")
        with pytest.raises(Transient):
            await open_producer(late, Topic.LOGINS_RAW.value, timeout_seconds=2)
