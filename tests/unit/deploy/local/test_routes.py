"""By which road Kafka and PostgreSQL are found."""

from pathlib import Path

import pytest

from deploy.local import compose
from deploy.local.compose import Compose
from deploy.local.failure import StackFailure
from deploy.local.infrastructure import choose_routes
from deploy.local.stack import LocalStack
from tests.support.docker_engine import DockerEngine


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("VITA_KAFKA_BOOTSTRAP", "VITA_POSTGRES_ADMIN_URL", "VITA_STACK_ROUTE"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize(("there", "route"), [(True, "docker"), (False, "local")])
def test_docker_is_used_where_it_answers(local: LocalStack, there: bool, route: str) -> None:
    """Without addresses an engine that answers comes first, own processes otherwise."""
    assert choose_routes(local, DockerEngine(there)) == {"kafka": route, "postgres": route}


def test_addresses_come_first(local: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address given for one part is used for that part; the other is found as usual."""
    monkeypatch.setenv("VITA_KAFKA_BOOTSTRAP", "broker:9092")
    assert choose_routes(local, DockerEngine(False)) == {"kafka": "environment", "postgres": "local"}


def test_data_is_not_lost_when_docker_appears(local: LocalStack) -> None:
    """A stack that was created with local processes keeps using them, because they have its data."""
    local.state.update(routes={"kafka": "local", "postgres": "local"})
    engine = DockerEngine(True)
    assert choose_routes(local, engine) == {"kafka": "local", "postgres": "local"}
    assert engine.asked == 0


def test_the_road_can_be_forced(local: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """VITA_STACK_ROUTE selects the kind of servers if no address is given; an invalid value is an error."""
    monkeypatch.setenv("VITA_STACK_ROUTE", "local")
    assert choose_routes(local, DockerEngine(True)) == {"kafka": "local", "postgres": "local"}
    monkeypatch.setenv("VITA_STACK_ROUTE", "podman")
    with pytest.raises(StackFailure, match="podman"):
        choose_routes(local, DockerEngine(True))


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
