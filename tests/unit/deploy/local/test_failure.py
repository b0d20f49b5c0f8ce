"""Failures of concurrent tasks are reported as their messages, never as an exception group."""

import asyncio
from pathlib import Path

import pytest
from rich.console import Console

from deploy.local import infrastructure, stack, up
from deploy.local.failure import SeveralFailures, StackFailure, together
from deploy.local.infrastructure import ensure_infrastructure
from deploy.local.stack import LocalStack
from services.cli.failure import CommandFailed, explain
from tests.support.docker_engine import DockerEngine


async def fails(problem: str) -> None:
    await asyncio.sleep(0)
    raise StackFailure(problem, f"mend {problem}")


async def works() -> int:
    return 1


async def test_one_failure_is_itself() -> None:
    """The sentence that was raised is the one that is shown."""
    with pytest.raises(StackFailure, match="mend a") as caught:
        await together(works(), fails("a"))
    assert type(caught.value) is StackFailure


async def test_all_failures_are_named() -> None:
    """Both problems, each with its advice, in one error that the command line knows."""
    with pytest.raises(SeveralFailures) as caught:
        await together(fails("a"), works(), fails("b"))
    shown = explain(caught.value) or ""
    assert [part in shown for part in ("a", "mend a", "b", "mend b")] == [True] * 4


async def test_a_mistake_in_the_code_is_not_hidden() -> None:
    """Another kind of error beside a failure is raised as it is."""

    async def wrong() -> None:
        raise KeyError("wrong")

    with pytest.raises(KeyError):
        await together(fails("a"), wrong())


async def test_who_is_cancelled_cancels_all() -> None:
    """An interrupted command leaves nothing running."""
    ended: list[int] = []

    async def waits(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    task = asyncio.create_task(together(waits(1), waits(2)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(ended) == [1, 2]


def test_exception_groups_are_reported_by_their_members() -> None:
    """A group of known errors is their sentences, once each; with an unknown one in it it is unexpected."""
    known = CommandFailed("a", "b")
    nested = ExceptionGroup("", [known, ExceptionGroup("", [StackFailure("c", "d"), known])])
    assert (explain(nested) or "").splitlines() == ["a: b", "c", "What to do: d", "a: b"]
    assert explain(ExceptionGroup("", [known, KeyError("x")])) is None


async def test_both_servers_that_are_away_are_named(
    local: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If neither server responds, one error names both variables."""
    monkeypatch.setattr(infrastructure, "ANSWER_BUDGET_S", 0.0)
    monkeypatch.setenv("VITA_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setenv("VITA_POSTGRES_ADMIN_URL", "postgresql://postgres@127.0.0.1:1/postgres")
    with pytest.raises(SeveralFailures, match=r"VITA_KAFKA_BOOTSTRAP(.|\n)*VITA_POSTGRES_ADMIN_URL"):
        await ensure_infrastructure(local, DockerEngine(False))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("VITA_KAFKA_BOOTSTRAP", "localhost"),
        ("VITA_POSTGRES_ADMIN_URL", "postgresql://u:pa/ss@h:5432/postgres"),
    ],
)
async def test_a_malformed_address_is_reported_before_anything_starts(
    local: LocalStack, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """The sentence names the variable, repeats no password, and no way to the servers is remembered."""
    for other in ("VITA_KAFKA_BOOTSTRAP", "VITA_POSTGRES_ADMIN_URL"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(variable, value)
    with pytest.raises(StackFailure, match=f"{variable}: ") as caught:
        await ensure_infrastructure(local, DockerEngine(False))
    assert "ss@h" not in str(caught.value)
    assert local.state.read() == {}


async def test_all_malformed_settings_are_reported_at_once(
    local: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both addresses and a pinned port are wrong: one error names all three before anything starts."""
    monkeypatch.setenv("VITA_KAFKA_BOOTSTRAP", "localhost")
    monkeypatch.setenv("VITA_POSTGRES_ADMIN_URL", "localhost")
    monkeypatch.setenv("VITA_INGEST_PORT", "none")
    with pytest.raises(SeveralFailures) as caught:
        await ensure_infrastructure(local, DockerEngine(False))
    for variable in ("VITA_KAFKA_BOOTSTRAP: ", "VITA_POSTGRES_ADMIN_URL: ", "VITA_INGEST_PORT is 'none'"):
        assert variable in str(caught.value)
    assert local.state.read() == {}


async def test_one_port_for_two_parts_is_reported(local: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names both variables before anything starts."""
    for variable in ("VITA_MANAGEMENT_PORT", "VITA_INGEST_PORT"):
        monkeypatch.setenv(variable, "8120")
    with pytest.raises(
        StackFailure, match="VITA_MANAGEMENT_PORT and VITA_INGEST_PORT pin the same port 8120"
    ):
        await ensure_infrastructure(local, DockerEngine(False))
    assert local.state.read() == {}


async def test_a_failed_download_is_reported(local: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of the download is reported although PostgreSQL starts concurrently."""

    async def no_network(_progress: object) -> list[Path]:
        raise StackFailure("kafka.jar could not be downloaded", "check the network")

    async def postgres_works(_self: LocalStack) -> str:
        return "postgresql://u@h/d"

    monkeypatch.delenv("VITA_KAFKA_BOOTSTRAP", raising=False)
    monkeypatch.delenv("VITA_POSTGRES_ADMIN_URL", raising=False)
    monkeypatch.setattr(stack, "_fetch_jars", no_network)
    monkeypatch.setattr(LocalStack, "ensure_postgres", postgres_works)
    with pytest.raises(StackFailure, match="check the network") as caught:
        await ensure_infrastructure(local, DockerEngine(False))
    assert explain(caught.value) is not None


async def test_the_kept_key_is_where_it_is(local: LocalStack) -> None:
    """`make clean` names the folder of this stack that keeps the key, wherever VITA_STATE_DIR put it."""
    local.state.update(routes={"kafka": "environment", "postgres": "environment"})
    (local.state.path / "keys" / "kek").write_text("key")
    console = Console(record=True, width=500)
    await up.clean(console, state_dir=local.state.path)
    assert str(local.state.path / "keys") in console.export_text()
    assert (local.state.path / "keys" / "kek").exists()
