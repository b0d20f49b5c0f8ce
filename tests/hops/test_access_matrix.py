"""Every operation against every scope and every stranger; a new one is in it once it is mounted."""

from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.management.http.operation import Operation
from tests.support.operations import EVERY_SCOPE, OPERATIONS, WITH_PARAMETER, ask, title
from tests.worlds.management import Site, new_user, user_token

OTHERS = "User to be acted on does not match subject in bearer token."
LISTS = [operation for operation in OPERATIONS if operation.method == "GET" and "{" not in operation.path]
SCOPES = [(operation, scope) for operation in OPERATIONS for scope in operation.scopes]


def is_of_oneself(scope: str) -> bool:
    return ":current_user" in scope


@pytest.mark.parametrize("operation", OPERATIONS, ids=title)
async def test_requests_without_a_token_are_refused(
    anonymous: httpx.AsyncClient, operation: Operation
) -> None:
    """401 in the documented shape, before anything else is looked at."""
    answer = await ask(anonymous, operation, "%ff", content=b"{")
    assert (answer.status_code, answer.json()) == (
        401,
        {
            "statusCode": 401,
            "error": "Unauthorized",
            "message": "Missing authentication",
            "attributes": {"error": "Missing authentication"},
        },
    )
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("operation", OPERATIONS, ids=title)
async def test_all_scopes_but_the_right_ones_are_not_enough(site: Site, operation: Operation) -> None:
    """403 with the list of what would do, and nothing about what is there."""
    enough = {text.split()[-1] for text in operation.scopes}
    others = [scope for scope in EVERY_SCOPE if scope not in enough]
    answer = await ask(site.client([*others, "other:scope"]), operation)
    assert (answer.status_code, answer.json()) == (
        403,
        {
            "statusCode": 403,
            "error": "Forbidden",
            "message": f"Insufficient scope, expected any of: {','.join(operation.scopes)}",
            "errorCode": "insufficient_scope",
        },
    )


@pytest.mark.parametrize(("operation", "scope"), SCOPES, ids=lambda value: getattr(value, "path", value))
async def test_each_scope_opens_what_it_says(site: Site, operation: Operation, scope: str) -> None:
    """Any listed scope alone gets past the door; one of oneself does so for oneself only."""
    answer = await ask(site.client([scope]), operation)
    if not is_of_oneself(scope):
        assert answer.status_code != 403
        return
    assert answer.status_code == 400 or (answer.status_code, answer.json()["message"]) == (403, OTHERS)
    own = httpx.Headers({"authorization": f"Bearer {user_token(site, 'auth0|nobody', [scope])}"})
    assert (await ask(site.client(), operation, headers=own)).status_code != 403


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def belongings(site: Site) -> dict[str, str]:
    """What the tenant demo has, by the path it is under."""
    api = site.client(EVERY_SCOPE)
    found: dict[str, str] = {}
    for path, body, key in (
        ("/api/v2/users", new_user(email="mine@example.com"), "user_id"),
        ("/api/v2/connections", {"name": "mine", "strategy": "samlp"}, "id"),
        ("/api/v2/clients", {"name": "mine"}, "client_id"),
        ("/api/v2/client-grants", {"audience": site.service.settings.token_audience}, "id"),
    ):
        of_client = {"client_id": found["/api/v2/clients"]} if path == "/api/v2/client-grants" else {}
        made = await api.post(path, json=body | of_client)
        assert made.status_code == 201
        found[path] = made.json()[key]
    return found


async def shown(site: Site, belongings: dict[str, str]) -> list[Any]:
    api = site.client(EVERY_SCOPE)
    places = [f"{path}/{identity}".replace("|", "%7C") for path, identity in belongings.items()]
    return [(await api.get(place)).json() for place in places]


@pytest.mark.parametrize("operation", WITH_PARAMETER, ids=title)
async def test_a_tenant_cannot_touch_what_another_has(
    site: Site, belongings: dict[str, str], operation: Operation
) -> None:
    """Reading, changing and deleting by another tenant's id finds nothing and leaves everything as it was."""
    stranger, before = site.client(EVERY_SCOPE, tenant="other"), await shown(site, belongings)
    for identity in belongings.values():
        sent: dict[str, Any] = {} if operation.body is None else {"json": {"name": "stolen"}}
        answer = await ask(stranger, operation, identity.replace("|", "%7C"), **sent)
        assert answer.status_code < 500
        assert not {text for text in ("mine@example.com", '"mine"') if text in answer.text}
    assert await shown(site, belongings) == before


@pytest.mark.parametrize("operation", LISTS, ids=title)
async def test_lists_hold_nothing_of_other_tenants(
    site: Site, belongings: dict[str, str], operation: Operation
) -> None:
    """Whatever there is to list, another tenant's ids are not in it."""
    answer = await ask(site.client(EVERY_SCOPE, tenant="other"), operation)
    assert answer.status_code < 500
    assert not [identity for identity in belongings.values() if identity in answer.text]
