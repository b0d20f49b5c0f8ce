"""What `vita status` says of the supervisor, and where metrics are."""

from datetime import UTC, datetime

from rich.console import Console

from services.cli.status.health import (
    Component,
    Process,
    StackHealth,
    Supervised,
    SupervisedProcess,
    SupervisorHealth,
    with_metrics,
)
from services.cli.status.present import as_document, as_table

UP = Component("up", "there")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def health(state: Supervised = "watched", pid: int | None = 7, restarts: int = 0) -> StackHealth:
    place, at = ("/logs/projector.log:812", NOON) if restarts else (None, None)
    worker = SupervisedProcess("projector", state, restarts, at, place)
    supervisor = SupervisorHealth(pid, [worker])
    return StackHealth([Process(name="projector", state="up")], [], UP, UP, supervisor=supervisor)


def text(of: StackHealth) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(as_table(of))
    return captured.get()


def test_a_process_that_was_given_up_is_told() -> None:
    """With the place of its last log line; the exit code says so too."""
    found = health("given up", restarts=8)
    assert not found.ok
    assert "projector was given up" in text(found)
    assert "/logs/projector.log:812" in text(found)
    assert as_document(found)["supervisor"]["processes"][0]["state"] == "given up"


def test_a_process_that_came_back_is_well() -> None:
    """How often and when is said."""
    found = health(restarts=2)
    assert found.ok
    assert "projector was started again 2 times, last at 2026-11-23T12:00:00" in text(found)
    assert "projector ended and is about to be started again" in text(health("waiting", restarts=1))


def test_a_supervisor_that_is_down_is_told() -> None:
    """Another installation has none, and misses none."""
    assert not health(pid=None).ok
    assert "The supervisor is down" in text(health(pid=None))
    elsewhere = StackHealth([Process(name="projector", state="up")], [], UP, UP)
    assert elsewhere.ok
    assert as_document(elsewhere)["supervisor"] is None
    assert "supervisor" not in text(elsewhere)


def test_the_address_of_metrics_is_that_of_the_stacks_own_process() -> None:
    """A second instance has a port that its starter chose."""
    first, second = with_metrics(
        [Process(name="projector", state="up", pid=1), Process(name="projector", state="up", pid=2)],
        {"projector": "http://127.0.0.1:9467"},
    )
    assert (first.metrics, second.metrics) == ("http://127.0.0.1:9467", None)
    assert "127.0.0.1:9467" in text(StackHealth([first, second], [], UP, UP))
