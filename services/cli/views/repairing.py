"""Asks the projector to repair the rows of users, and waits for it."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.formats.identifiers import PERSON
from services.cli import addresses
from services.cli.authorization import require_scope
from services.cli.failure import CommandFailed
from services.cli.ledger import operator
from services.ledger.repairs import RepairState, found_differences, repair_state, request_repairs
from services.queries.history import find_subject
from services.runtime.postgres.pool import DatabaseConnection

SCOPE: Final = "update:users"
_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class RepairAccess:
    """What a repair needs: the ledger, and a token with the scope."""

    ledger: addresses.Ledger
    management_url: str
    token: str = field(repr=False)


async def repair(access: RepairAccess, user: str | None, wait_seconds: float) -> list[dict[str, Any]]:
    """Repair a user, named by id or subject, or with None all users whose rows are known to differ.

    Return for each `subject`, `state` (repaired, failed or requested), `mended` and `failure`. Raises
    CommandFailed when the token lacks the scope, or when there is no such user.
    """
    principal = await require_scope(access.ledger, access.management_url, access.token, SCOPE)
    async with operator(access.ledger.url) as connection:
        subjects = await _subjects(connection, principal.tenant, user)
        people = [(principal.tenant, subject) for subject in subjects]
        if not people:
            return []
        await request_repairs(connection, people, f"{principal.tenant}/{principal.client_id}")
        deadline = time.monotonic() + wait_seconds
        while True:
            states = {subject: await repair_state(connection, tenant, subject) for tenant, subject in people}
            if all(one is not None and one.is_settled for one in states.values()):
                break
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(_POLL_SECONDS)
    return [_shown(subject, state) for subject, state in states.items()]


async def _subjects(connection: DatabaseConnection, tenant: str, user: str | None) -> list[str]:
    if user is None:
        return sorted(await found_differences(connection, tenant))
    subject = user if user.startswith(PERSON) else await find_subject(connection, tenant, user)
    if subject is None:
        raise CommandFailed(
            "there is no such user in the views", "name the user by its subject, or use `vita repair --found`"
        )
    return [subject]


def _shown(subject: str, state: RepairState | None) -> dict[str, Any]:
    if state is None or not state.is_settled:
        return {"subject": subject, "state": "requested", "mended": [], "failure": None}
    word = "repaired" if state.failure is None else "failed"
    return {
        "subject": subject,
        "state": word,
        "mended": list(state.mended),
        "failure": state.failure,
    }
