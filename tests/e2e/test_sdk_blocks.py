"""Blocks and attack protection through the official Python SDK."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from auth0.management.client import AsyncAuth0
from auth0.management.core.api_error import ApiError

from tests.support.stack import Stack
from tests.worlds.gateway import ALLOW, FORCED, IP, SUSPICIOUS, Gateway, running_gateway
from tests.worlds.management import DATABASE_CONNECTION
from tests.worlds.sdk import sdk_with


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(stack: Stack) -> AsyncIterator[Gateway]:
    async with running_gateway(stack) as gateway:
        yield gateway


@pytest.fixture
def sdk(gateway: Gateway) -> AsyncAuth0:
    """The SDK pointed at the Management API of the gateway's installation."""
    return sdk_with(gateway.site, gateway.site.token())


async def test_user_blocks_through_the_sdk(gateway: Gateway, sdk: AsyncAuth0) -> None:
    """List and delete, by identifier and by id."""
    user_id = await gateway.user("sdk@example.com")
    for remove in (
        lambda: sdk.user_blocks.delete_by_identifier(identifier="sdk@example.com"),
        lambda: sdk.user_blocks.delete(user_id),
    ):
        await gateway.fail(10, "sdk@example.com")
        assert await gateway.check("sdk@example.com") == FORCED
        for listed in (
            await sdk.user_blocks.list(user_id, consider_brute_force_enablement=True),
            await sdk.user_blocks.list_by_identifier(identifier="sdk@example.com"),
        ):
            assert listed.blocked_for is not None
            (entry,) = listed.blocked_for
            assert (entry.identifier, entry.ip, entry.connection) == (
                "sdk@example.com",
                IP,
                DATABASE_CONNECTION,
            )
        await remove()
        assert (await sdk.user_blocks.list(user_id)).blocked_for == []
        assert await gateway.check("sdk@example.com") == ALLOW
    with pytest.raises(ApiError) as unknown:
        await sdk.user_blocks.list("auth0|nobody")
    assert unknown.value.status_code == 404


async def test_attack_protection_through_the_sdk(gateway: Gateway, sdk: AsyncAuth0) -> None:
    """Each of the three protections read and changed; a throttled address seen and let go."""
    protection = sdk.attack_protection
    brute = await protection.brute_force_protection.update(max_attempts=20, allowlist=["192.0.2.0/24"])
    assert (brute.max_attempts, brute.mode) == (20, "count_per_identifier_and_ip")
    assert (await protection.brute_force_protection.get()).allowlist == ["192.0.2.0/24"]
    stage = {"pre-login": {"max_attempts": 3, "rate": 864000}}
    addresses = await protection.suspicious_ip_throttling.update(stage=stage)  # type: ignore[arg-type]
    assert addresses.stage is not None
    assert addresses.stage.pre_login is not None
    assert addresses.stage.pre_login.max_attempts == 3
    assert (await protection.suspicious_ip_throttling.get()).enabled is True
    passwords = await protection.breached_password_detection.update(enabled=True, method="standard")
    assert passwords.enabled is True
    assert (await protection.breached_password_detection.get()).shields == []

    blocks = sdk.anomaly.blocks
    with pytest.raises(ApiError) as free:
        await blocks.check_ip("198.51.100.9")
    assert free.value.status_code == 404
    await gateway.fail(3, "anyone@example.com", "198.51.100.9")
    await blocks.check_ip("198.51.100.9")
    assert await gateway.check("anyone@example.com", "198.51.100.9") == SUSPICIOUS
    await blocks.unblock_ip("198.51.100.9")
    assert await gateway.check("anyone@example.com", "198.51.100.9") == ALLOW
