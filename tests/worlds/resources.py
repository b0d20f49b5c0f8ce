"""Calls on the Management API that many tests make: create a resource, delete with a body, read an answer.

Runs nothing of its own: the HTTP client belongs to a site of `tests.worlds.management`.
"""

from typing import Any

import httpx

from tests.worlds.management import new_user


async def create(api: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    """The resource that a POST to a collection (`roles`, `clients`) creates."""
    answer = await api.post(f"/api/v2/{path}", json=body)
    assert answer.status_code in (200, 201), answer.text
    created: dict[str, Any] = answer.json()
    return created


async def create_user(api: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    """A new user of the database connection, with these changes to the body of `new_user`."""
    return await create(api, "users", **new_user(**changes))


async def add_user(api: httpx.AsyncClient, name: str = "jane") -> str:
    """The id of a new user with this name, also in the e-mail address."""
    return str((await create_user(api, email=f"{name}@example.com", name=name))["user_id"])


async def delete(api: httpx.AsyncClient, path: str, body: Any = None) -> httpx.Response:
    """The answer to a DELETE with a body, for which httpx has no method of its own."""
    return await api.request("DELETE", path, json=body)


def answered(answer: httpx.Response) -> tuple[int, Any]:
    """Both in one value to compare; the body is None if it is empty."""
    return answer.status_code, answer.json() if answer.content else None
