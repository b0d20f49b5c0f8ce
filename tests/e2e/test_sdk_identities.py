"""Linking through the official Python SDK."""

import pytest
from auth0.management.core.api_error import ApiError

from tests.worlds.management import PASSWORD
from tests.worlds.sdk import Tenant


async def test_identities_through_the_sdk(tenant: Tenant) -> None:
    """Link, find both in one user, unlink, find the other again."""
    users, connections = tenant.sdk.users, tenant.sdk.connections
    await connections.create(name="linking", strategy="auth0", options={"passwordPolicy": "none"})
    one, other = [
        await users.create(
            connection="linking", email=f"{name}@example.com", password=PASSWORD, user_metadata={"n": name}
        )
        for name in ("first", "second")
    ]
    assert one.user_id is not None
    assert other.user_id is not None
    linked = await users.identities.link(one.user_id, provider="auth0", user_id=other.user_id)
    assert [identity.user_id for identity in linked] == [
        user_id.removeprefix("auth0|") for user_id in (one.user_id, other.user_id)
    ]
    assert linked[1].profile_data is not None
    assert linked[1].profile_data.email == "second@example.com"
    assert len((await users.get(one.user_id)).identities) == 2
    with pytest.raises(ApiError) as gone:
        await users.get(other.user_id)
    assert gone.value.status_code == 404
    with pytest.raises(ApiError) as twice:
        await users.identities.link(one.user_id, provider="auth0", user_id=other.user_id)
    assert (twice.value.status_code, twice.value.body["message"]) == (
        409,
        "Specified identity already exists.",
    )
    left = await users.identities.delete(one.user_id, "auth0", other.user_id.removeprefix("auth0|"))
    assert len(left) == 1
    assert (await users.get(other.user_id)).user_metadata == {"n": "second"}
