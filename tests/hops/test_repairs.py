"""The rows of people compared with their history and made anew, on the real log and database."""

from typing import Any

import pytest

from schemas.events import (
    AttributesChanged,
    AttributesChangedData,
    LoginFailed,
    LoginFailedData,
    MfaEnrolled,
    MfaEnrolledData,
    OrganizationData,
    OrganizationJoined,
    RolesAssigned,
    RolesData,
    UserCreated,
    UserCreatedData,
    UserDeleted,
)
from services.ledger.repairs import repair_state, request_repairs, self_check_summary
from tests.samples.profile_events import login
from tests.worlds.pipeline import Pipeline, unused_subject

TABLES = (
    "profile", "search", "activity", "search_leaf", "membership", "linked_identity", "login_guard",
    "log_entry", "session", "refresh_token", "user_grant", "device_credential", "population", "daily",
)  # fmt: skip


async def somebody(pipeline: Pipeline, offset: int = 0) -> str:
    """A person with rows in most views, whose history holds refused and repeated events too."""
    subject = unused_subject()
    created = UserCreatedData(
        connection="db", strategy="auth0", provider="auth0", idp_id=f"{offset}",
        attributes={"email": f"p{offset}@example.com", "name": "Ann"}, app_metadata={"plan": "gold"},
        password_hash="$2b$",
    )  # fmt: skip
    session = {"methods": [{"name": "pwd"}]}
    seen = login(
        subject=subject, sourceposition=f"1/0/{offset}", connection="db", strategy="auth0", provider="auth0",
        idp_id=f"{offset}", session=session, session_id=f"s{offset}", client_id="app",
        refresh_token={"id": f"t{offset}"}, audience="api", scope="a b", tokens={"access_token": "x"},
    )  # fmt: skip
    wrong = LoginFailedData(
        connection="db", strategy="auth0", reason="wrong_password", identifier="p@example.com", ip="192.0.2.1"
    )
    edit = AttributesChangedData(changed=("name",), values={"name": "Eve"}, expected_revision=99)
    factor = MfaEnrolledData(factor_id="totp|dev_0123456789abcdef", factor_type="totp", secrets={"s": "x"})
    await pipeline.send_events(
        pipeline.event(UserCreated, subject, created),
        seen,
        seen,
        pipeline.event(RolesAssigned, subject, RolesData(roles=("rol_1", "rol_2"))),
        pipeline.event(OrganizationJoined, subject, OrganizationData(organization="org_1")),
        pipeline.event(MfaEnrolled, subject, factor),
        pipeline.event(AttributesChanged, subject, edit),
        pipeline.event(LoginFailed, subject, wrong, sourceposition=f"1/1/{offset}"),
    )
    return subject


async def everything(pipeline: Pipeline) -> dict[str, list[Any]]:
    return {table: sorted(map(str, await pipeline.rows(f"SELECT * FROM view_1.{table}"))) for table in TABLES}


async def repaired(pipeline: Pipeline, subject: str) -> Any:
    """The settled state of a repair that an operator asked for."""
    async with pipeline.projector(), pipeline.connected("vita_operator") as connection:
        await request_repairs(connection, [("demo", subject)], "demo/tests")

        async def settled() -> Any:
            state = await repair_state(connection, "demo", subject)
            return state if state is not None and state.is_settled else None

        return await pipeline.stack.until(settled)


async def test_what_the_projector_wrote_equals_the_history(pipeline: Pipeline) -> None:
    """No difference is found for anybody, deleted people included, and a check changes nothing."""
    subjects = [await somebody(pipeline, offset) for offset in range(3)]
    await pipeline.send_events(pipeline.event(UserDeleted, subjects[2], {}))
    await pipeline.project()
    before = await everything(pipeline)
    assert all(before[table] for table in TABLES if table not in ("linked_identity", "device_credential"))
    async with pipeline.projector() as projector:
        for subject in subjects:
            assert await projector._repairs.differences(projector._live, ("demo", subject)) == []
        assert await projector.check_sample() == []
    assert await everything(pipeline) == before
    async with pipeline.connected("vita_operator") as connection:
        summary = await self_check_summary(connection)
    assert (summary.people, summary.differences) == (1, {})


DAMAGE = [
    ("UPDATE view_1.profile SET document = replace(document, 'Ann', 'Eve')", {"profile.document"}),
    ("UPDATE view_1.profile SET secrets = NULL, memory = '{}'", {"profile.memory", "profile.secrets"}),
    ("DELETE FROM view_1.search", {"search.row"}),
    ("UPDATE view_1.activity SET logins_count = 7", {"activity.logins_count"}),
    ("DELETE FROM view_1.search_leaf", {"search_leaf.row"}),
    ("DELETE FROM view_1.membership WHERE target = 'rol_2'", {"membership.row"}),
    ("DELETE FROM view_1.login_guard", {"login_guard.row"}),
    ("DELETE FROM view_1.log_entry WHERE type = 's'", {"log_entry.row"}),
    ("UPDATE view_1.session SET clients = '{}'", {"session.clients"}),
    ("DELETE FROM view_1.refresh_token", {"refresh_token.row"}),
    ("DELETE FROM view_1.user_grant", {"user_grant.row"}),
]


@pytest.mark.parametrize(("damage", "names"), DAMAGE)
async def test_damage_is_named_without_values_and_mended(
    pipeline: Pipeline, damage: str, names: set[str]
) -> None:
    """The check names table and column; the repair brings back every byte, and then nothing differs."""
    subject = await somebody(pipeline)
    await pipeline.project()
    before = await everything(pipeline)
    await pipeline.run(damage)
    async with pipeline.projector() as projector:
        found = await projector.check_sample()
    assert set(found or ()) >= names
    assert not any("ann" in name.lower() or "@" in name for name in found or ())
    async with pipeline.connected("vita_operator") as connection:
        assert set((await self_check_summary(connection)).differences) == set(found or ())
    state = await repaired(pipeline, subject)
    assert (set(state.mended), state.failure) == (set(found or ()), None)
    assert await everything(pipeline) == before
    async with pipeline.connected("vita_operator") as connection:
        assert (await self_check_summary(connection)).differences == {}


async def test_a_person_who_is_missing_comes_back_and_is_counted(pipeline: Pipeline) -> None:
    """The number of users follows."""
    subject = await somebody(pipeline)
    await pipeline.project()
    before = await everything(pipeline)
    for table in ("profile", "search", "activity", "search_leaf", "membership"):
        await pipeline.run(f"DELETE FROM view_1.{table}")
    await pipeline.run("UPDATE view_1.population SET users = 0")
    assert "profile.row" in (await repaired(pipeline, subject)).mended
    assert await everything(pipeline) == before


async def test_a_repair_stays_below_the_position(pipeline: Pipeline) -> None:
    """What the projector has not applied yet is not in the mended rows, and counts once afterwards."""
    subject = await somebody(pipeline)
    await pipeline.project()
    await pipeline.send_events(login(subject=subject, sourceposition="1/0/77", connection="db"))
    await pipeline.run("UPDATE view_1.activity SET logins_count = 7")
    await repaired(pipeline, subject)
    assert (await pipeline.document(subject))["logins_count"] == 1
    await pipeline.project()
    assert (await pipeline.document(subject))["logins_count"] == 2
    async with pipeline.projector() as projector:
        assert await projector.check_sample() == []


async def test_nothing_is_repaired_without_keys(pipeline: Pipeline) -> None:
    """The rows of a person whose keys are destroyed are left to the erasure."""
    subject = await somebody(pipeline)
    await pipeline.project()
    await pipeline.run("UPDATE ledger.subject_key SET profile = NULL WHERE owner = $1", subject)
    before = await everything(pipeline)
    state = await repaired(pipeline, subject)
    assert (list(state.mended), state.failure) == ([], None)
    assert await everything(pipeline) == before
