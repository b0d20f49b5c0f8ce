"""What may go wrong between a request and the view: races, a late view, a lost log, orphaned claims."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from schemas.errors import Transient
from schemas.formats.identifiers import new_event_id, new_subject
from schemas.formats.positions import Position
from services.commands.writer import Writer
from services.ledger.reservations import Reservation
from services.management.app import create_app
from services.management.container import open_service, wait_times
from tests.support.stack import Stack
from tests.worlds.management import Site, new_user, path_of, settings_for, with_log

USERS = "/api/v2/users"


async def claims_of(site: Site, value: str) -> list[Any]:
    async with site.storage.database.connection("demo") as connection:
        return list(await connection.fetch("SELECT * FROM ledger.reservation WHERE value = $1", value))


async def test_of_two_creates_at_once_exactly_one_wins(site: Site) -> None:
    """Ten requests for one email: one 201, nine 409, one user."""
    api = site.client()
    answers = await asyncio.gather(
        *(api.post(USERS, json=new_user(email="race@example.com")) for _ in range(10))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    found = await api.get("/api/v2/users-by-email", params={"email": "race@example.com"})
    assert len(found.json()) == 1


async def test_of_two_creates_with_one_id_exactly_one_wins(site: Site) -> None:
    """Concurrent creations with one user_id and different emails."""
    api = site.client()
    bodies = [new_user(email=f"id{n}@example.com", user_id="contested") for n in range(6)]
    answers = await asyncio.gather(*(api.post(USERS, json=body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5


async def test_of_many_changes_of_one_revision_exactly_one_wins(site: Site) -> None:
    """Forty PATCHes with one If-Match at two processes: one 200, the others 412, the winner's values stay."""
    user = (await site.client().post(USERS, json=new_user(email="etag@example.com"))).json()
    path, condition = path_of(user["user_id"]), {"if-match": '"1"'}
    async with open_service(site.service.settings) as second:
        apis = site.client(), site.client(app=create_app(second))
        bodies = [{"name": f"N{n}", "user_metadata": {"n": n}} for n in range(40)]
        answers = await asyncio.gather(
            *(apis[n % 2].patch(path, json=body, headers=condition) for n, body in enumerate(bodies))
        )
    (winner,) = [answer for answer in answers if answer.status_code == 200]
    assert [answer.status_code for answer in answers].count(412) == 39
    final = (await site.client().get(path)).json()
    assert (final["name"], final["user_metadata"]) == (winner.json()["name"], winner.json()["user_metadata"])


async def test_of_two_users_wanting_one_address_exactly_one_gets_it(site: Site) -> None:
    """Concurrent email changes to one value."""
    api = site.client()
    made = [await api.post(USERS, json=new_user(email=f"wants{n}@example.com")) for n in range(4)]
    answers = await asyncio.gather(
        *(api.patch(path_of(user.json()["user_id"]), json={"email": "wanted@example.com"}) for user in made)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]


async def test_a_confirmed_claim_outlives_the_reconciler(site: Site) -> None:
    """The projector confirms what the log holds."""
    await site.client().post(USERS, json=new_user(email="confirmed@example.com"))
    (claim,) = await claims_of(site, "confirmed@example.com")
    assert claim["confirmed"] is True
    await age_claims(site)
    await site.service.background.recovery.reconciler.sweep()
    assert await claims_of(site, "confirmed@example.com")


async def age_claims(site: Site) -> None:
    async with site.storage.database.connection("demo") as connection:
        await connection.execute("UPDATE ledger.reservation SET reserved_at = now() - interval '10 minutes'")


async def orphan(site: Site, value: str) -> str:
    """A claim whose process died before it appended anything."""
    now = datetime.now(UTC)
    event_id = new_event_id(now)
    async with site.storage.database.connection("demo") as connection:
        await connection.execute(
            "INSERT INTO ledger.reservation (tenant, connection, kind, value, subject, event_id)"
            " VALUES ('demo', 'Username-Password-Authentication', 'email', $1, $2, $3)",
            value, new_subject(now), UUID(event_id),
        )  # fmt: skip
    return event_id


async def test_an_orphaned_claim_is_released_when_the_log_does_not_hold_its_event(site: Site) -> None:
    """While it is young it keeps others out; once old it is settled on the next conflict."""
    api = site.client()
    await orphan(site, "orphan@example.com")
    assert (await api.post(USERS, json=new_user(email="orphan@example.com"))).status_code == 409
    await age_claims(site)
    assert (await api.post(USERS, json=new_user(email="orphan@example.com"))).status_code == 201


async def test_the_sweep_settles_old_orphans(site: Site) -> None:
    """Old orphans go, young ones stay."""
    await orphan(site, "old@example.com")
    await age_claims(site)
    await orphan(site, "young@example.com")
    assert await site.service.background.recovery.reconciler.sweep() >= 1
    assert await claims_of(site, "old@example.com") == []
    assert len(await claims_of(site, "young@example.com")) == 1


class LostLog:
    """A log whose broker does not respond until a test lets it."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        self.partitions = 12

    def append(self, records: Any) -> asyncio.Future[Position]:
        """Waits."""
        return self.answer


async def test_a_log_that_does_not_answer_is_503_and_keeps_its_claim(site: Site) -> None:
    """The outcome is unknown: the reservation is kept and renewed while the append continues, and released
    when it fails."""
    log = LostLog()
    times = replace(wait_times(site.service.settings), append_seconds=0.05)
    writer = Writer(log, site.storage.log.watch, times)  # type: ignore[arg-type]
    service = with_log(site.service, writer, times)
    api = site.client(app=create_app(service))
    answer = await api.post(USERS, json=new_user(email="lost@example.com"))
    assert (answer.status_code, answer.json()["errorCode"]) == (503, "outcome_unknown")
    assert int(answer.headers["retry-after"]) > 0
    (claim,) = await claims_of(site, "lost@example.com")
    wanted = [Reservation("Username-Password-Authentication", "email", "lost@example.com")]
    own = service.background.recovery.reconciler
    await age_claims(site)
    assert await own.settle("demo", wanted) == 0
    await own.sweep()
    (renewed,) = await claims_of(site, "lost@example.com")
    assert renewed["reserved_at"] > claim["reserved_at"]
    log.answer.set_exception(Transient("kafka: gone"))
    await site.stack.until(lambda: not writer.under_way())
    await age_claims(site)
    assert await own.settle("demo", wanted) == 1
    assert (await site.client().post(USERS, json=new_user(email="lost@example.com"))).status_code == 201


async def test_a_late_view_is_202_and_nothing_is_lost(site: Site, stack: Stack) -> None:
    """With the projector away writes answer 202 with their position; once it is back they are all there."""
    settings = settings_for(stack, site.database, site.prefix, view_wait_seconds=0.1, read_wait_seconds=0.1)
    async with open_service(settings) as service:
        api = site.client(app=create_app(service))
        user = (await site.client().post(USERS, json=new_user(email="late@example.com"))).json()
        await site.stop_projector()
        try:
            made = await api.post(USERS, json=new_user(email="later@example.com"))
            assert made.status_code == 202
            body = made.json()
            assert (body["status"], body["position"]) == ("accepted", made.headers["vita-position"])
            assert body["user_id"].startswith("auth0|")
            patched = await api.patch(path_of(user["user_id"]), json={"name": "Late"})
            assert patched.status_code == 202
            assert (await api.post(USERS, json=new_user(email="later@example.com"))).status_code == 409
            position = {"vita-at-least": patched.headers["vita-position"]}
            early = await api.get(path_of(user["user_id"]), headers=position)
            assert (early.status_code, early.json()["errorCode"]) == (503, "view_lagging")
        finally:
            await site.start_projector()
        await site.until_applied(made.headers["vita-position"])
        await site.until_applied(patched.headers["vita-position"])
        assert (await api.get(path_of(body["user_id"]))).status_code == 200
        assert (await api.get(path_of(user["user_id"]), headers=position)).json()["name"] == "Late"


async def test_an_unreachable_database_is_503(site: Site) -> None:
    """Reads and writes say when to come back; health names the part."""
    settings = settings_for(site.stack, site.database, site.prefix)
    async with open_service(settings) as service:
        api = site.client(app=create_app(service))
        await api.get(USERS)
        service.storage.database.raw.terminate()
        for answer in (await api.get(path_of("auth0|1")), await api.post(USERS, json=new_user())):
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
        health = await api.get("/healthz")
        assert (health.status_code, health.json()["parts"]["database"]) == (503, "unreachable")
