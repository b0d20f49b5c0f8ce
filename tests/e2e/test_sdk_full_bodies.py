"""Every key that the official SDK's types know is taken and answered, for every kind of setting."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
import pytest_asyncio
from auth0.management.client import AsyncAuth0

from schemas.formats import exact_json
from tests.samples.sdk_bodies import body_of, missing
from tests.worlds.sdk import Tenant

SECRETS = {"client_secret", "signing_secret"}
Exchange = tuple[dict[str, Any], dict[str, Any], int]
ATTRIBUTE = {"description": "d", "label": "l", "profile_required": False, "auth0_mapping": "email"}


@pytest_asyncio.fixture(loop_scope="session")
async def exchanges(tenant: Tenant) -> AsyncIterator[tuple[AsyncAuth0, list[Exchange]]]:
    """An SDK whose bodies, answers and statuses are noted."""
    noted: list[Exchange] = []

    async def note(answer: httpx.Response) -> None:
        await answer.aread()
        sent = exact_json.loads(answer.request.content) if answer.request.content else {}
        shown = exact_json.loads(answer.content) if answer.content else {}
        noted.append((sent, shown, answer.status_code))

    token = tenant.sdk._client_wrapper._get_token()
    async with httpx.AsyncClient(trust_env=False, timeout=30, event_hooks={"response": [note]}) as http:
        yield (
            AsyncAuth0(base_url=f"{tenant.url}/api/v2", token=token, httpx_client=http, max_retries=0),
            noted,
        )


def assert_shown(noted: list[Exchange], apart: frozenset[str] = frozenset()) -> None:
    """The last answer shows what was sent."""
    sent, shown, status = noted[-1]
    assert status in (200, 201), shown
    hidden = SECRETS | apart
    assert missing({name: value for name, value in sent.items() if name not in hidden}, shown) == []
    assert not SECRETS & shown.keys() or status == 201


CASES: Mapping[str, Mapping[str, Any]] = {
    "resource_servers": {
        "identifier": "https://full.example.com", "name": "Full", "signing_secret": "s" * 32,
        "value": "read:all", "description": "words",
    },
    "clients": {"name": "full", "client_secret": "s" * 48, "client_metadata": {"a": "b"},
                "token_endpoint_auth_method": "client_secret_post"},
    "organizations": {"name": "full", "logo_url": "https://example.com/a.png", "primary": "#0059d6",
                      "page_background": "#000000", "metadata": {"a": "b"}},
    "connections": {"name": "full", "strategy": "samlp", "metadata": {"a": "b"},
                    "options": {"a": 1, "b": None}},
    "roles": {"name": "full"},
    "user_attribute_profiles": {"name": "full"},
}  # fmt: skip
LEFT_OUT = {"roles": ("owner_id",)}


@pytest.mark.parametrize("family", CASES)
async def test_settings_are_created_and_changed_with_every_key(
    exchanges: tuple[AsyncAuth0, list[Exchange]], family: str
) -> None:
    """A full body makes one and changes it; each answer, and a later read, shows all of it."""
    sdk, noted = exchanges
    calls, given = getattr(sdk, family), CASES[family]
    made = await calls.create(**body_of(calls.create, given, LEFT_OUT.get(family, ())))
    assert_shown(noted)
    found = made.client_id if family == "clients" else made.id
    changed = {**given, "name": "fuller"} if family != "connections" else given
    await calls.update(found, **body_of(calls.update, changed, ("owner_id",)))
    assert_shown(noted)
    sent = noted[-1][0]
    await calls.get(found)
    noted[-1] = (sent, *noted[-1][1:])
    assert_shown(noted)


async def test_grants_with_every_key(exchanges: tuple[AsyncAuth0, list[Exchange]]) -> None:
    """Of a client, and as a default of third-party clients; neither a subject type nor `allow_all_scopes`
    gives a client more than its scopes."""
    sdk, noted = exchanges
    api = "https://full-grants.example.com"
    await sdk.resource_servers.create(identifier=api, scopes=[{"value": "read:all"}])
    client = await sdk.clients.create(name="granted", app_type="non_interactive")
    grants, given = sdk.client_grants, {"audience": api, "client_id": client.client_id, "scope": ["read:all"]}
    for changes in ({"subject_type": "client"}, {"subject_type": "user"}):
        made = await grants.create(**body_of(grants.create, {**given, **changes}, ("default_for",)))
        assert_shown(noted)
        assert made.id is not None
        await grants.update(made.id, **body_of(grants.update, given))
        assert_shown(noted)
    await grants.create(**body_of(grants.create, given, ("client_id",)))
    assert_shown(noted)


async def test_tenant_settings_and_protection_with_every_key(
    exchanges: tuple[AsyncAuth0, list[Exchange]],
) -> None:
    """What there is one of takes every key and shows it."""
    sdk, noted = exchanges
    given = {"allowlist": ["192.0.2.1"], "max_attempts": 20}
    protection = sdk.attack_protection
    for calls in (
        sdk.tenants.settings,
        protection.brute_force_protection,
        protection.suspicious_ip_throttling,
        protection.breached_password_detection,
    ):
        await calls.update(**body_of(calls.update, given))
        assert_shown(noted)
