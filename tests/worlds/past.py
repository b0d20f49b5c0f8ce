"""The past of users: an audit trail up to date when a test asks for it, and histories read to their end.

Runs nothing of its own: it drives a site of `tests.worlds.management`, which has no auditor.
"""

from typing import Any, Final

import httpx

from schemas.topics import Topic
from tests.worlds.audit_trail import auditing, read_log
from tests.worlds.management import Site, new_user, path_of

SCOPES: Final = ["read:users", "read:user_history"]


async def audit(site: Site) -> None:
    """Have the trail cover the present log."""
    records = await read_log(site.stack.kafka, site.prefix + Topic.PROFILE_EVENTS.value)
    async with auditing(site.stack, site.database, site.prefix) as auditor:
        stored = await auditor.stored_positions(range(12))
        await auditor.apply([one for one in records if one.offset >= stored.get(one.partition, 0)])


async def created(api: httpx.AsyncClient, email: str, **changes: Any) -> tuple[str, httpx.Response]:
    """Create a user; return its path and the response."""
    answer = await api.post("/api/v2/users", json=new_user(email=email, **changes))
    assert answer.status_code == 201, answer.text
    return path_of(answer.json()["user_id"]), answer


async def history(api: httpx.AsyncClient, path: str, **query: Any) -> list[dict[str, Any]]:
    """Return all events of the history of the user at a path, page by page."""
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        answer = await api.get(f"{path}/history", params={**query, **after})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page["complete"] is True
        found += page["events"]
        if "next" not in page:
            return found
        after = {"from": page["next"]}
