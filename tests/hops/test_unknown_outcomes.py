"""Requests with an Idempotency-Key whose append was not confirmed: the log determines the response."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from starlette.types import ASGIApp

from schemas.errors import Transient
from schemas.formats.positions import Position
from schemas.sealing.mapper import Record
from services.commands.writer import Writer
from services.management.app import create_app
from services.management.container import wait_times
from services.runtime.kafka.log_writer import LogWriter
from tests.support.stack import Stack
from tests.worlds.management import Site, new_user, path_of, running_site, with_log


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(stack: Stack) -> AsyncIterator[Site]:
    async with running_site(stack, view_wait_seconds=20, reservation_settle_seconds=0.5) as running:
        yield running


class Unconfirmed:
    """A broker whose acknowledgements are lost; what it is sent reaches the log or does not."""

    def __init__(self, log: LogWriter, *, reaches: bool) -> None:
        self._log, self._reaches = log, reaches

    def append(self, records: Sequence[Record]) -> asyncio.Future[Position]:
        """Fails as a producer does that gives up."""
        lost = asyncio.get_running_loop().create_future()

        def fail(_: object = None) -> None:
            lost.set_exception(Transient("kafka: KafkaTimeoutError"))

        if self._reaches:
            self._log.append(records).add_done_callback(fail)
        else:
            fail()
        return lost


def without_acknowledgements(site: Site, *, reaches: bool) -> ASGIApp:
    """The API by way of such a broker."""
    service = site.service
    log = Unconfirmed(service.storage.log.writer._log, reaches=reaches)
    times = replace(wait_times(service.settings), append_seconds=10, view_seconds=20)
    writer = Writer(log, service.storage.log.watch, times)  # type: ignore[arg-type]
    return create_app(with_log(service, writer, times))


async def known(site: Site, path: str, body: Any, key: str) -> httpx.Response:
    """The answer to a repetition, once it is known."""
    api = site.client()

    async def answered() -> httpx.Response | None:
        answer = await api.post(path, json=body, headers={"idempotency-key": key})
        if answer.status_code != 409:
            return answer
        assert answer.json()["errorCode"] == "idempotency_outcome_unknown"
        assert int(answer.headers["retry-after"]) >= 1
        return None

    answer: httpx.Response = await site.stack.until(answered)
    return answer


BODIES: dict[str, tuple[str, dict[str, Any], str]] = {
    "user": ("/api/v2/users", new_user(email="unknown@example.com"), "user_id"),
    "connection": ("/api/v2/connections", {"name": "unknown", "strategy": "samlp"}, "id"),
    "role": ("/api/v2/roles", {"name": "unknown"}, "id"),
    "client": ("/api/v2/clients", {"name": "unknown"}, "client_id"),
}


@pytest.mark.parametrize("kind", BODIES)
async def test_a_repetition_finds_out_from_the_log(site: Site, kind: str) -> None:
    """The request is carried out once: the repetition names what the first request made when its event is
    on the log, and makes it when the event is not."""
    path, body, name = BODIES[kind]
    for reaches in (False, True):
        if reaches:
            body = body | ({"email": "reached@example.com"} if kind == "user" else {"name": "reached"})
        key = f"{kind}-{reaches}"
        api = site.client(app=without_acknowledgements(site, reaches=reaches))
        first = await api.post(path, json=body, headers={"idempotency-key": key})
        assert (first.status_code, first.json()["errorCode"]) == (503, "outcome_unknown")
        second = await known(site, path, body, key)
        assert second.status_code in ((202,) if reaches else (200, 201)), second.text
        assert second.headers.get("idempotency-replayed") == ("true" if reaches else None)
        made = second.json()[name]
        place = path_of(made) if kind == "user" else f"{path}/{made}"
        shown = await site.client().get(place, headers={"vita-at-least": second.headers["vita-position"]})
        assert shown.status_code == 200
        alike = "email" if kind == "user" else "name"
        assert shown.json()[alike] == body[alike]
        third = await known(site, path, body, key)
        assert (third.status_code, third.json()[name]) == (second.status_code, made)


async def test_a_sweep_keeps_the_answer(site: Site) -> None:
    """The sweep releases the events that are not on the log; after a day it forgets the others."""
    path, body, _ = BODIES["role"]
    for reaches, status in ((False, 200), (True, 202)):
        api = site.client(app=without_acknowledgements(site, reaches=reaches))
        sent = body | {"name": f"swept {reaches}"}
        key = f"swept-{reaches}"
        assert (await api.post(path, json=sent, headers={"idempotency-key": key})).status_code == 503
        await site.service.background.recovery.reconciler.sweep()
        assert (await known(site, path, sent, key)).status_code == status
    connection = await asyncpg.connect(site.database.admin)
    try:
        await connection.execute("UPDATE ledger.reservation SET reserved_at = now() - interval '25 hours'")
        await site.service.background.recovery.reconciler.sweep()
        left = "SELECT count(*) FROM ledger.reservation WHERE kind = 'request'"
        assert await connection.fetchval(left) == 0
    finally:
        await connection.close()
