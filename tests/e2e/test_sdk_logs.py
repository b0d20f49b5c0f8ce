"""Logs, statistics and the tenant's settings through the official Python SDK."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from auth0.management.client import AsyncAuth0
from auth0.management.core.api_error import ApiError

from schemas.events import LoginFailed, LoginFailedData, LoginSucceeded
from tests.samples.profile_events import login
from tests.worlds.management import DATABASE_CONNECTION, PASSWORD, Site
from tests.worlds.pipeline import Pipeline, unused_subject


async def logged_in(pipeline: Pipeline, minutes_ago: int, **data: Any) -> None:
    """A new user logs in."""
    given = login(**data)
    at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    await pipeline.send_events(
        pipeline.event(LoginSucceeded, unused_subject(), given.data, actor=given.actor, time=at)
    )


async def test_logs_through_the_sdk(site: Site, sdk: AsyncAuth0) -> None:
    """List, search, walk, get, and what was done to one user."""
    made = await sdk.users.create(connection=DATABASE_CONNECTION, email="logs@example.com", password=PASSWORD)
    assert made.user_id is not None
    await sdk.users.update(made.user_id, blocked=True)
    listed = [entry async for entry in await sdk.logs.list(per_page=2)]
    assert [entry.type for entry in listed[:3]] == ["sapi", "ss", "sapi"]
    searched = await sdk.logs.list(request_options={"additional_query_parameters": {"q": "type:ss"}})
    assert [entry.user_name async for entry in searched] == ["logs@example.com"]
    walk = {"take": 2, "from": listed[-1].log_id}

    async def walked() -> bool:
        entries = await sdk.logs.list(request_options={"additional_query_parameters": walk})
        found = [entry.log_id async for entry in entries]
        return found == [entry.log_id for entry in reversed(listed[:-1])]

    await site.stack.until(walked)
    assert listed[0].log_id is not None
    assert (await sdk.logs.get(listed[0].log_id)).log_id == listed[0].log_id
    own = [entry.type async for entry in await sdk.users.logs.list(made.user_id)]
    assert own == ["sapi", "ss", "sapi"]
    assert [entry async for entry in await sdk.users.logs.list("auth0|nobody")] == []
    with pytest.raises(ApiError) as refused:
        await sdk.logs.get("nothing")
    assert (refused.value.status_code, refused.value.body["message"]) == (404, "Log not found.")


async def test_statistics_through_the_sdk(site: Site, sdk: AsyncAuth0) -> None:
    """Who was active within 30 days; logins, signups and leaked passwords by day."""
    pipeline = Pipeline(site.stack, site.database, site.prefix, site.storage.keyring)
    before = await sdk.stats.get_active_users_count()
    await logged_in(pipeline, 5, idp_id="1")
    await logged_in(pipeline, 60 * 24 * 29, idp_id="2")
    await logged_in(pipeline, 60 * 24 * 31, idp_id="3")
    leaked = LoginFailedData(connection="users", strategy="auth0", reason="breached_password")
    await pipeline.send_events(
        pipeline.event(
            LoginFailed, unused_subject(), leaked, actor="connection:users", time=datetime.now(UTC)
        )
    )

    async def counted() -> bool:
        return await sdk.stats.get_active_users_count() == before + 2

    await site.stack.until(counted)
    start = (datetime.now(UTC) - timedelta(days=40)).strftime("%Y%m%d")

    async def daily() -> bool:
        days = await sdk.stats.get_daily(from_=start)
        return sum(day.leaked_passwords or 0 for day in days) == 1

    await site.stack.until(daily)
    days = await sdk.stats.get_daily(from_=start)
    assert [day.logins for day in days] == [1, 1, 1]
    assert sum(day.signups or 0 for day in days) >= 3
    assert all(day.created_at and day.updated_at and day.created_at <= day.updated_at for day in days)
    assert (await sdk.stats.get_daily(from_="20200101", to="20200131")) == []


@pytest.mark.parametrize("asked", ["from=2020", "to=20201301", "from=2020-01-01", "from=20200101x"])
async def test_days_that_are_none(site: Site, asked: str) -> None:
    """Refused by name."""
    client: httpx.AsyncClient = site.client()
    answer = await client.get(f"/api/v2/stats/daily?{asked}")
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_query_string")


async def test_tenant_settings_through_the_sdk(sdk: AsyncAuth0) -> None:
    """Get and update."""
    updated = await sdk.tenants.settings.update(friendly_name="Acme")
    assert updated.friendly_name == "Acme"
    assert (await sdk.tenants.settings.get()).friendly_name == "Acme"
