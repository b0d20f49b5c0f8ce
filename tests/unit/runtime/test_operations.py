"""`/metrics`, `/livez` and `/readyz` at the port for operators."""

import threading
from collections.abc import AsyncIterator

import httpx
import pytest

from services.runtime import operations
from services.runtime.operations import Lifecycle, OperationsAddress, serving_operations

ANY = OperationsAddress("127.0.0.1", 0)


async def get(port: int, path: str, method: str = "GET") -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        return await http.request(method, f"http://127.0.0.1:{port}{path}")


@pytest.fixture
def lifecycle() -> Lifecycle:
    return Lifecycle()


@pytest.fixture
async def port(lifecycle: Lifecycle) -> AsyncIterator[int]:
    """The port of an auditor."""
    async with serving_operations("auditor", ANY, lifecycle.obstacle) as serving:
        yield serving


async def test_a_service_is_ready_between_its_start_and_its_end(port: int, lifecycle: Lifecycle) -> None:
    """And only while what it says of itself is well; it lives all the time."""
    obstacles: list[str | None] = []

    async def obstacle() -> str | None:
        return obstacles[-1]

    async def ready() -> tuple[int, str | None]:
        answer = await get(port, "/readyz")
        assert (await get(port, "/livez")).status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        return answer.status_code, answer.json().get("reason")

    assert await ready() == (503, "it is starting")
    lifecycle.started(obstacle)
    for state in (None, "the database is away", None):
        obstacles.append(state)
        assert await ready() == (200 if state is None else 503, state)
    lifecycle.stopping()
    assert await ready() == (503, "it is stopping")


async def test_an_unknown_state_is_not_ready(port: int, lifecycle: Lifecycle) -> None:
    """The error is named by its type, as its text may quote personal data."""

    async def obstacle() -> str | None:
        raise RuntimeError("Ada")

    lifecycle.started(obstacle)
    answer = await get(port, "/readyz")
    assert answer.status_code == 503
    assert "RuntimeError" in answer.text
    assert "Ada" not in answer.text


async def test_metrics_are_those_of_the_service(port: int) -> None:
    """HEAD has no body, and other paths and methods are none."""
    answer = await get(port, "/metrics")
    assert "\nvita_checkpoint_age_seconds " in answer.text
    assert "vita_http_requests" not in answer.text
    assert answer.headers["server"] == "vita"
    assert (await get(port, "/metrics", "HEAD")).text == ""
    assert (await get(port, "/")).status_code == 404
    assert (await get(port, "/metrics", "POST")).status_code == 501


async def test_a_loop_that_stands_still_is_seen(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread answers, and says that the event loop does not."""
    monkeypatch.setattr(operations, "ANSWER_SECONDS", 0.05)
    found: list[int] = []

    def ask() -> None:
        found.extend(
            httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False, timeout=30).status_code
            for path in ("/livez", "/readyz", "/metrics")
        )

    asking = threading.Thread(target=ask)
    asking.start()
    asking.join()  # this blocks the event loop
    assert found == [503, 503, 503]
    assert (await get(port, "/livez")).status_code == 200


async def test_a_taken_port_is_an_error(port: int, lifecycle: Lifecycle) -> None:
    """Two processes that share a port would answer for each other."""
    address = OperationsAddress("127.0.0.1", port)
    with pytest.raises(OSError, match="in use"):
        async with serving_operations("auditor", address, lifecycle.obstacle):
            raise AssertionError("unreachable")
