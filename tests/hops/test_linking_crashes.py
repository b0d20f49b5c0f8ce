"""Links whose process dies at any step, and a projector that dies while it hands on: all or nothing, once."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from schemas.events import IdentityLinked, IdentityLinkedData, UserDeleted, UserMerged, UserMergedData
from schemas.formats import exact_json
from schemas.formats.positions import Position
from schemas.topics import Topic
from services.commands.writer import OUTCOME_UNKNOWN
from services.management.app import create_app
from services.management.container import wait_times
from services.projector.consumer import Projector
from services.runtime.rejection import Rejected
from tests.samples.profile_events import flag, login
from tests.support.stack import Stack
from tests.worlds.linking import Linked
from tests.worlds.management import Site, path_of, running_site, with_log
from tests.worlds.pipeline import Pipeline, make_pipeline, unused_subject

ONE, OTHER = "google-oauth2|k", "github|k"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(stack: Stack) -> AsyncIterator[Site]:
    """One installation for this file, where commands are left for dead at once."""
    async with running_site(stack, reservation_settle_seconds=0.05) as running:
        yield running


class Dying:
    """A writer whose process dies after this many appended events."""

    def __init__(self, site: Site, appends: int) -> None:
        self._writer, self._left = site.storage.log.writer, appends

    def under_way(self) -> dict[str, list[str]]:
        """No append is in progress: a dead process appends nothing."""
        return {}

    async def append(self, *what: Any) -> Position:
        """One less to go."""
        if self._left == 0:
            raise Rejected(OUTCOME_UNKNOWN)
        self._left -= 1
        return await self._writer.append(*what)


def dying(world: Linked, appends: int) -> Linked:
    """The installation through a process that will die."""
    site, service = world.site, world.site.service
    app = create_app(with_log(service, Dying(site, appends)))  # type: ignore[arg-type]
    return Linked(replace(site, app=app), world.pipeline, world.subjects)


async def people(site: Site, name: str) -> tuple[Linked, str, str]:
    """Two of them."""
    world, one, other = Linked.over(site), f"{ONE}-{name}", f"{OTHER}-{name}"
    await world.person(one)
    await world.person(other)
    return world, one, other


async def until_settled(world: Linked) -> None:
    """Another process finds what was left."""

    async def settled() -> bool:
        await world.site.service.background.recovery.sagas.settle("demo")
        return await world.pipeline.rows("SELECT FROM ledger.link") == []

    await world.site.stack.until(settled)
    await world.nothing_is_left()


@pytest.mark.parametrize("appends", [0, 1, 2])
async def test_a_link_left_at_any_step_is_finished(site: Site, appends: int) -> None:
    """Left before the first event, between the two or after both, the link is completed by the next
    process."""
    world, one, other = await people(site, f"link{appends}")
    answer = await dying(world, appends).link(one, other)
    assert answer.status_code == (201 if appends == 2 else 503)
    await until_settled(world)
    assert len((await world.get(one))["identities"]) == 2
    assert await world.get(other) == {}
    await world.sign_in(other)
    await world.until_counted(one, 2)


@pytest.mark.parametrize("appends", [0, 1])
async def test_an_unlink_left_at_any_step_is_finished(site: Site, appends: int) -> None:
    """An unlink left at any step is completed, and no user is lost meanwhile."""
    world, one, other = await people(site, f"unlink{appends}")
    assert (await world.link(one, other)).status_code == 201
    assert (await dying(world, appends).unlink(one, other)).status_code == 503
    await world.sign_in(other)
    await until_settled(world)
    assert len((await world.get(one))["identities"]) == 1
    counts = [(await world.get(user_id))["logins_count"] for user_id in (one, other)]
    assert sum(counts) == 3


@pytest.mark.parametrize("appends", [0, 1])
async def test_a_deletion_left_at_any_step_is_finished(site: Site, appends: int) -> None:
    """Both users are deleted, whichever process completes the deletion."""
    world, one, other = await people(site, f"delete{appends}")
    assert (await world.link(one, other)).status_code == 201
    answer = await dying(world, appends).site.client().delete(path_of(one))
    assert answer.status_code == 503
    await until_settled(world)
    assert [await world.get(user_id) for user_id in (one, other)] == [{}, {}]
    assert (await world.person(other))["logins_count"] == 1


async def test_what_is_in_the_way_is_settled_at_once(site: Site) -> None:
    """A request for people whom a dead process was at brings that to its end first."""
    world, one, other = await people(site, "way")
    assert (await dying(world, 1).link(one, other)).status_code == 503
    assert (await world.unlink(one, other)).status_code == 200
    await world.nothing_is_left()
    assert (await world.get(other))["logins_count"] == 1


async def test_a_secondary_that_vanishes_takes_the_link_back(site: Site) -> None:
    """When the second event is refused the first one is undone: no trace but on the log."""
    world, one, other = await people(site, "gone")
    assert (await dying(world, 1).link(one, other)).status_code == 503
    await world.pipeline.send_events(flag(UserDeleted, subject=world.subjects[other]))
    await until_settled(world)
    assert len((await world.get(one))["identities"]) == 1
    history = await world.site.client().get(f"{path_of(one)}/identities/history")
    assert history.json() == []


async def test_a_late_view_is_202_and_the_link_goes_on(site: Site) -> None:
    """The response is 202 in time; the link is completed as soon as the view advances."""
    world, one, other = await people(site, "late")
    times = replace(wait_times(site.service.settings), view_seconds=0.2)
    service = with_log(site.service, times=times)
    app, sagas = create_app(service), service.background.recovery.sagas
    await site.stop_projector()
    answer = await Linked(replace(site, app=app), world.pipeline, world.subjects).link(one, other)
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted")
    await site.start_projector()

    async def linked() -> bool:
        return len((await world.get(one)).get("identities", ())) == 2 and await world.get(other) == {}

    await site.stack.until(linked)
    await site.stack.until(lambda: not sagas._at_work)
    await sagas.stop()


async def linked_pair(pipeline: Pipeline) -> tuple[str, str]:
    """Two subjects, linked by events alone."""
    primary, secondary = unused_subject(), unused_subject()
    data = IdentityLinkedData(
        secondary=secondary, connection="corp", is_social=False, means="admin", provider="samlp", idp_id="7"
    )
    await pipeline.send_events(
        login(subject=primary, sourceposition="1/0/1"),
        login(subject=secondary, provider="samlp", idp_id="7", sourceposition="1/0/2"),
        pipeline.event(IdentityLinked, primary, data),
        pipeline.event(UserMerged, secondary, UserMergedData(into=primary)),
    )
    return primary, secondary


async def test_a_projector_that_dies_between_relay_and_commit(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay is on the log twice, and counted once."""
    pipeline = await make_pipeline(stack)
    primary, secondary = await linked_pair(pipeline)
    await pipeline.project()
    await pipeline.send_events(login(subject=secondary, provider="samlp", idp_id="7", sourceposition="1/0/3"))

    async def dies(*_: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as broken:
        broken.setattr(Projector, "_write", dies)
        with pytest.raises(RuntimeError):
            await pipeline.project()
    await pipeline.project()
    await pipeline.project()
    relays = [event for event in await pipeline.events() if event.source == "/vita/projector"]
    assert len(relays) == 2
    assert len({(event.id, event.sourceposition) for event in relays}) == 1
    assert (await pipeline.document(primary))["logins_count"] == 2
    assert await pipeline.letters(Topic.PROFILE_EVENTS_DLQ) == []


async def test_a_new_generation_hands_nothing_on_again(stack: Stack) -> None:
    """A rebuild finds the relays on the log: the rows are equal and the log is unchanged."""
    pipeline = await make_pipeline(stack)
    primary, secondary = await linked_pair(pipeline)
    for offset in range(3, 8):
        position = f"1/0/{offset}"
        await pipeline.send_events(
            login(subject=secondary, provider="samlp", idp_id="7", sourceposition=position)
        )
        await pipeline.project()
    await pipeline.project()
    before = {subject: tuple(row) for subject, row in (await pipeline.views("profile")).items()}
    assert exact_json.loads(before[primary][4])["logins_count"] == 6
    length = len(await pipeline.logged(Topic.PROFILE_EVENTS))
    await pipeline.run("UPDATE ledger.generation SET definition = 'of an earlier version'")
    await stack.prepare_again(pipeline.database.name)
    await pipeline.project()
    assert {subject: tuple(row) for subject, row in (await pipeline.views("profile")).items()} == before
    assert len(await pipeline.logged(Topic.PROFILE_EVENTS)) == length


async def test_a_login_without_keys_does_not_block_others(stack: Stack) -> None:
    """A login whose receiving subject has no keys is quarantined with its reason; the others are applied."""
    pipeline = await make_pipeline(stack)
    primary, secondary = await linked_pair(pipeline)
    await pipeline.project()
    await pipeline.run(
        "UPDATE ledger.subject_key SET profile = NULL, activity = NULL WHERE owner = $1", primary
    )
    await pipeline.send_events(
        login(subject=secondary, provider="samlp", idp_id="7", sourceposition="1/0/3"),
        login(subject=(jane := unused_subject())),
    )
    await pipeline.project()
    assert [letter.reason for letter in await pipeline.letters(Topic.PROFILE_EVENTS_DLQ)] == ["no_key"]
    assert (await pipeline.document(jane))["logins_count"] == 1
