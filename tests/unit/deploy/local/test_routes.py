"""By which road Kafka and PostgreSQL are found."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local import compose
from deploy.local.compose import Compose
from deploy.local.failure import StackFailure
from deploy.local.infrastructure import choose_routes
from deploy.local.stack import LocalStack
from services.runtime.kafka.access import KafkaAccess


@dataclass
class Engine:
    """A Docker engine that is there or not, and counts how often it was asked."""

    there: bool
    asked: int = 0

    def answers(self) -> bool:
        self.asked += 1
        return self.there

    async def ensure_kafka(self) -> KafkaAccess:
        raise AssertionError("nobody asked for Kafka")

    async def ensure_postgres(self) -> str:
        raise AssertionError("nobody asked for PostgreSQL")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("VITA_KAFKA_BOOTSTRAP", "VITA_POSTGRES_ADMIN_URL", "VITA_STACK_ROUTE"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def local(tmp_path: Path) -> LocalStack:
    """A stack that was never started."""
    stack = LocalStack(tmp_path / "state")
    stack.state.create()
    return stack


@pytest.mark.parametrize(("there", "route"), [(True, "docker"), (False, "local")])
def test_docker_is_used_where_it_answers(local: LocalStack, there: bool, route: str) -> None:
    """Without addresses an engine that answers comes first, own processes otherwise."""
    assert choose_routes(local, Engine(there)) == {"kafka": route, "postgres": route}


def test_addresses_come_first(local: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address given for one part is used for that part; the other is found as usual."""
    monkeypatch.setenv("VITA_KAFKA_BOOTSTRAP", "broker:9092")
    assert choose_routes(local, Engine(False)) == {"kafka": "environment", "postgres": "local"}


def test_data_is_not_lost_when_docker_appears(local: LocalStack) -> None:
    """A stack that was made with own processes goes on with them: its data is there."""
    local.state.update(routes={"kafka": "local", "postgres": "local"})
    engine = Engine(True)
    assert choose_routes(local, engine) == {"kafka": "local", "postgres": "local"}
    assert engine.asked == 0


def test_the_road_can_be_forced(local: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """VITA_STACK_ROUTE decides where no address is given, and a wrong value is told."""
    monkeypatch.setenv("VITA_STACK_ROUTE", "local")
    assert choose_routes(local, Engine(True)) == {"kafka": "local", "postgres": "local"}
    monkeypatch.setenv("VITA_STACK_ROUTE", "podman")
    with pytest.raises(StackFailure, match="podman"):
        choose_routes(local, Engine(True))


def test_a_docker_that_hangs_or_lacks_is_no_docker(
    monkeypatch: pytest.MonkeyPatch, local: LocalStack
) -> None:
    """A client without an engine, and no client at all, both mean own processes."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert compose.engine_answers() is False
    assert Compose(local.state).answers() is False


def test_a_compose_that_fails_is_answered_with_advice(
    monkeypatch: pytest.MonkeyPatch, local: LocalStack, tmp_path: Path
) -> None:
    """What the engine said is shown, with the way around it."""
    client = tmp_path / "docker"
    client.write_text("#!/bin/sh\necho no space left >&2\nexit 1\n")
    client.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(StackFailure, match=r"no space left(.|\n)*VITA_STACK_ROUTE=local"):
        Compose(local.state)._run("stop")
