"""Kafka and PostgreSQL by `docker compose`, one project per state folder."""

import asyncio
import hashlib
import os
import secrets
import shutil
import subprocess
from pathlib import Path

from deploy.local import ports
from deploy.local.failure import StackFailure
from deploy.local.infrastructure import Part
from deploy.local.servers import kafka
from deploy.local.state import StateFolder
from deploy.private_files import write_private
from services.runtime.kafka.access import KafkaAccess

COMPOSE_FILE = Path(__file__).parents[1] / "compose.yaml"
ENGINE_TIMEOUT_S = 10
START_TIMEOUT_S = 300


class Compose:
    """The containers of a stack. Their data is in volumes of the engine."""

    def __init__(self, state: StateFolder) -> None:
        self._state = state
        digest = hashlib.sha256(str(state.path).encode()).hexdigest()[:8]
        self._project = f"vita-{digest}"

    def answers(self) -> bool:
        """Return whether an engine answers and the client has the compose command."""
        return engine_answers() and _succeeds(["docker", "compose", "version"])

    async def ensure_kafka(self) -> KafkaAccess:
        """Start the broker's container and wait until it is healthy; return how its administrator
        connects."""
        port = await self._ensure("kafka")
        return kafka.administrator(port, self._password("docker-kafka-password"), "PLAIN")

    async def ensure_postgres(self) -> str:
        """Start the server's container and wait until it is healthy; return the administrator's URL."""
        port = await self._ensure("postgres")
        return f"postgresql://postgres:{self._password()}@{ports.HOST}:{port}/postgres"

    async def _ensure(self, part: Part) -> int:
        port = await asyncio.to_thread(self._port, part)
        await asyncio.to_thread(self._run, "up", "--detach", "--wait", "--no-recreate", part)
        return port

    async def stop(self) -> None:
        """Stop the containers and keep their data."""
        await asyncio.to_thread(self._run, "stop")

    async def remove(self) -> None:
        """Remove the containers and their data."""
        await asyncio.to_thread(self._run, "down", "--volumes")

    def _port(self, part: Part) -> int:
        known: dict[str, int] = self._state.read().get("ports", {})
        if part in known and self._output("ps", "--all", "--quiet", part):
            return known[part]
        others = set(known.values()) - {known.get(part)}
        chosen = ports.pinned(part) or ports.choose(part, known.get(part), others)
        self._state.update(ports={part: chosen})
        return chosen

    def _password(self, name: str = "docker-password") -> str:
        path = self._state.path / name
        if not path.exists():
            write_private(path, secrets.token_urlsafe(24).encode())
        return path.read_text()

    def _output(self, *arguments: str) -> str:
        known: dict[str, int] = self._state.read().get("ports", {})
        env = {
            **os.environ,
            "VITA_KAFKA_PORT": str(known.get("kafka", ports.PREFERRED["kafka"])),
            "VITA_POSTGRES_PORT": str(known.get("postgres", ports.PREFERRED["postgres"])),
            "VITA_POSTGRES_PASSWORD": self._password(),
            "VITA_KAFKA_ADMIN_PASSWORD": self._password("docker-kafka-password"),
        }
        argv = ["docker", "compose", "--project-name", self._project, "--file", str(COMPOSE_FILE), *arguments]
        result = subprocess.run(
            argv, env=env, capture_output=True, text=True, check=False, timeout=START_TIMEOUT_S
        )
        if result.returncode != 0:
            raise StackFailure(
                f"docker compose {arguments[0]} failed: {result.stderr.strip()[-2000:]}",
                "start Docker and run the command again, or set VITA_STACK_ROUTE=local for local processes",
            )
        return result.stdout

    def _run(self, *arguments: str) -> None:
        self._output(*arguments)


def engine_answers() -> bool:
    """Return whether a Docker engine answers."""
    return shutil.which("docker") is not None and _succeeds(["docker", "info"])


def _succeeds(argv: list[str]) -> bool:
    try:
        result = subprocess.run(argv, capture_output=True, check=False, timeout=ENGINE_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0
