"""The edits of the demo's administrator through the Management API, the same in every run."""

import secrets
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import quote

import httpx

from schemas.formats import exact_json
from services.demo import golden
from services.demo.connections import DATABASE
from services.demo.gateway import DemoError
from services.demo.population import Population, plain_user_id

Outcome = Literal["done", "already there", "user is gone"]

NEW_USER_EMAIL: Final = "ada.demo@example.com"


@dataclass(frozen=True, slots=True)
class DemoEdit:
    """PATCH bodies for one user, in order. If the user has the last one, all have been applied before."""

    title: str
    user_id: str
    bodies: tuple[dict[str, Any], ...]


def edits(population: Population) -> list[DemoEdit]:
    """Return the edits: metadata of the golden user and of another, a new name, a block, and a block with
    its removal.

    Raises DemoError when the population has no user for one of them.
    """
    return [
        DemoEdit(
            "user metadata",
            golden.USER_ID,
            ({"user_metadata": {"theme": "dark", "languages": ["sv", "el"]}},),
        ),
        DemoEdit(
            "app metadata", golden.USER_ID, ({"app_metadata": {"plan": "gold", "limits": {"seats": 5}}},)
        ),
        DemoEdit(
            "app metadata", _first(population, "google-oauth2"), ({"app_metadata": {"plan": "silver"}},)
        ),
        DemoEdit(
            "new name", _first(population, DATABASE.strategy), ({"name": "Renamed by an administrator"},)
        ),
        DemoEdit("block", _first(population, "github"), ({"blocked": True},)),
        DemoEdit("block, unblock", _first(population, "facebook"), ({"blocked": True}, {"blocked": False})),
    ]


def covers(document: Any, change: Any) -> bool:
    """Return whether a profile already has every value of a PATCH body."""
    if isinstance(change, dict):
        return isinstance(document, dict) and all(
            covers(document.get(key), value) for key, value in change.items()
        )
    return bool(document == change)


async def apply(client: httpx.AsyncClient, edit: DemoEdit) -> Outcome:
    """Apply the edit unless the profile shows it already, and return what was done."""
    path = f"/api/v2/users/{quote(edit.user_id, safe='')}"
    response = await client.get(path)
    if response.status_code == httpx.codes.NOT_FOUND:
        return "user is gone"
    if covers(_json(response), edit.bodies[-1]):
        return "already there"
    for body in edit.bodies:
        _json(await client.patch(path, json=body))
    return "done"


async def create_database_user(client: httpx.AsyncClient) -> Outcome:
    """Create a user as an administrator does, with a password that is not kept."""
    body = {
        "connection": DATABASE.name,
        "email": NEW_USER_EMAIL,
        "password": secrets.token_urlsafe(24),
        "given_name": "Ada",
        "family_name": "Demo",
        "name": "Ada Demo",
        "user_metadata": {"signed_up_by": "an administrator"},
    }
    response = await client.post("/api/v2/users", json=body)
    if response.status_code == httpx.codes.CONFLICT:
        return "already there"
    _json(response)
    return "done"


def _first(population: Population, strategy: str) -> str:
    for member in population.members():
        if member.connections[0].strategy == strategy:
            user_id = plain_user_id(member, member.connections[0])
            if user_id is not None:
                return user_id
    raise DemoError(f"this population has no user of {strategy}: make it larger with --size")


def _json(response: httpx.Response) -> Any:
    if response.is_error:
        request = response.request
        raise DemoError(
            f"{request.method} {request.url.path} answered {response.status_code}: {response.text[:300]}"
        )
    return exact_json.loads(response.content)
