"""Sessions, refresh tokens, grants, devices and factors through the official Python SDK."""

import pytest
from auth0.management.client import AsyncAuth0
from auth0.management.core.api_error import ApiError

from tests.worlds.management import DATABASE_CONNECTION, PASSWORD, Site, user_token
from tests.worlds.sdk import sdk_with
from tests.worlds.sign_in import later, sign_in


async def create_user(sdk: AsyncAuth0, name: str) -> str:
    made = await sdk.users.create(
        connection=DATABASE_CONNECTION, email=f"{name}@example.com", password=PASSWORD
    )
    assert made.user_id is not None
    return made.user_id


async def test_sessions_and_refresh_tokens(site: Site, sdk: AsyncAuth0) -> None:
    """Listed page by page, read, described, revoked one by one, by user and in bulk."""
    user_id = await create_user(sdk, "sessions")
    for number in range(3):
        await sign_in(
            site, user_id, session_id=f"s{number}", client_id="app", ip="192.0.2.1",
            session={"expires_at": later(5)}, refresh_token={"id": f"t{number}"},
        )  # fmt: skip
    assert [one.id async for one in await sdk.users.sessions.list(user_id, take=2)] == ["s0", "s1", "s2"]
    tokens = await sdk.users.refresh_token.list(user_id, take=2)
    assert [one.id async for one in tokens] == ["t0", "t1", "t2"]
    found = await sdk.refresh_tokens.list(user_id=user_id, client_id="app")
    assert [one.session_id async for one in found] == ["s0", "s1", "s2"]
    session = await sdk.sessions.get("s0")
    assert (session.user_id, session.clients[0].client_id) == (user_id, "app")
    described = await sdk.sessions.update("s0", session_metadata={"desk": "4"})
    assert described.session_metadata == {"desk": "4"}
    assert (await sdk.refresh_tokens.get("t0")).rotating is False
    token = await sdk.refresh_tokens.update("t0", refresh_token_metadata={"k": "v"})
    assert token.refresh_token_metadata == {"k": "v"}
    await sdk.sessions.revoke("s0")
    await sdk.sessions.delete("s1")
    await sdk.refresh_tokens.delete("t1")
    assert [one.id async for one in await sdk.users.sessions.list(user_id)] == ["s2"]
    assert [one.id async for one in await sdk.users.refresh_token.list(user_id)] == ["t2"]
    await sdk.refresh_tokens.revoke(ids=["t2"])
    with pytest.raises(ApiError) as missing:
        await sdk.refresh_tokens.get("t2")
    assert missing.value.status_code == 404
    await sdk.users.revoke_access(user_id, session_id="s2")
    await sdk.users.sessions.delete(user_id)
    await sdk.users.refresh_token.delete(user_id)
    assert [one async for one in await sdk.users.sessions.list(user_id)] == []


async def test_devices_grants_and_accounts(site: Site, sdk: AsyncAuth0) -> None:
    """A user's own device key; grants and connected accounts as logins showed them."""
    user_id = await create_user(sdk, "devices")
    await sign_in(
        site, user_id, client_id="app", audience="https://api/", scope="read",
        connected_account={"connection": DATABASE_CONNECTION, "scopes": ["calendar"]},
    )  # fmt: skip
    own = sdk_with(site, user_token(site, user_id, ["create:current_user_device_credentials"]))
    made = await own.device_credentials.create_public_key(
        device_name="Phone", type="public_key", value="MIIB", device_id="1"
    )
    devices = await sdk.device_credentials.list(user_id=user_id, type="public_key")
    assert [one.id async for one in devices] == [made.id]
    await sdk.device_credentials.delete(made.id)
    (grant,) = [one async for one in await sdk.user_grants.list(user_id=user_id)]
    assert (grant.client_id, grant.scope) == ("app", ["read"])
    assert grant.id is not None
    await sdk.user_grants.delete(grant.id)
    await sdk.user_grants.delete_by_user_id(user_id=user_id)
    assert [one async for one in await sdk.user_grants.list(user_id=user_id)] == []
    (account,) = [one async for one in await sdk.users.connected_accounts.list(user_id)]
    assert (account.connection, account.access_type) == (DATABASE_CONNECTION, "offline")
    assert account.connection_id.startswith("con_")


async def test_factors(sdk: AsyncAuth0) -> None:
    """Authentication methods from creation to removal, the reset of providers, a recovery code."""
    user_id = await create_user(sdk, "factors")
    methods = sdk.users.authentication_methods
    made = await methods.create(user_id, type="email", name="Mail", email="chuck334@example.com")
    assert made.id is not None
    assert (await methods.get(user_id, made.id)).email == "chuc****@exam*******"
    assert (await methods.update(user_id, made.id, name="Post")).name == "Post"
    with pytest.raises(ApiError) as known:
        await methods.create(user_id, type="email", email="chuck334@example.com")
    assert known.value.status_code == 409
    replaced = await methods.set(
        user_id,
        request=[
            {"type": "phone", "phone_number": "+14155550123", "preferred_authentication_method": "sms"},
            {"type": "totp", "name": "App", "totp_secret": "JBSWY3DPEHPK3PXP"},
        ],
    )
    assert [one.type for one in replaced] == ["phone", "totp"]
    assert [one.type async for one in await methods.list(user_id)] == ["totp", "phone"]
    (enrolled,) = await sdk.users.enrollments.get(user_id)
    assert (enrolled.status, enrolled.auth_method) == ("confirmed", "sms")
    await sdk.users.multifactor.delete_provider(user_id, "google-authenticator")
    await sdk.users.multifactor.invalidate_remember_browser(user_id)
    await sdk.users.risk_assessments.clear(user_id, connection=DATABASE_CONNECTION, assessors=["new-device"])
    code = (await sdk.users.regenerate_recovery_code(user_id)).recovery_code
    assert code is not None
    assert len(code) == 24
    await sdk.users.authenticators.delete_all(user_id)
    assert [one async for one in await methods.list(user_id)] == []
    again = await methods.create(user_id, type="email", email="chuck334@example.com")
    assert again.id is not None
    await methods.delete(user_id, again.id)
    await methods.delete_all(user_id)
