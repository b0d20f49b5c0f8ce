"""Replays dead letters, or drops them, for an operator with a token."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.dead_letter_reasons import SENTENCES
from services.cli import addresses
from services.cli.authorization import require_scope
from services.cli.failure import CommandFailed
from services.cli.ledger import operator
from services.ledger.replays import Selection, drop_letters, replay_states, request_replays

SCOPE: Final = "update:dead_letters"
_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class SettlingAccess:
    """What settling dead letters needs: the ledger, and a token with the scope."""

    ledger: addresses.Ledger
    management_url: str
    token: str = field(repr=False)


async def replay(
    access: SettlingAccess, places: Sequence[str], reason: str | None, wait_seconds: float
) -> list[dict[str, Any]]:
    """Ask the workers to replay dead letters, and return what became of them as JSON values: `record`,
    `outcome` (None for one that no worker has replayed within `wait_seconds`), `reason`, `why`, `detail`.

    Raises CommandFailed when the token lacks the scope, or when no letter is selected.
    """
    selection, by = await _selection(access, places, reason)
    async with operator(access.ledger.url) as connection:
        requested = await request_replays(connection, selection, by)
        _check(requested, places)
        deadline = time.monotonic() + wait_seconds
        while True:
            states = await replay_states(connection, requested)
            if all(state.outcome for state in states) or time.monotonic() > deadline:
                break
            await asyncio.sleep(_POLL_SECONDS)
    return [
        {
            "record": state.name,
            "outcome": state.outcome,
            "reason": state.reason,
            "why": SENTENCES.get(state.reason, state.reason),  # type: ignore[call-overload]
            "detail": state.detail,
        }
        for state in states
    ]


async def drop(access: SettlingAccess, places: Sequence[str], reason: str | None) -> list[str]:
    """Settle dead letters without a replay, and return their places. Raises CommandFailed as `replay`
    does."""
    selection, by = await _selection(access, places, reason)
    async with operator(access.ledger.url) as connection:
        dropped = await drop_letters(connection, selection, by)
    _check(dropped, places)
    return dropped


async def _selection(
    access: SettlingAccess, places: Sequence[str], reason: str | None
) -> tuple[Selection, str]:
    principal = await require_scope(access.ledger, access.management_url, access.token, SCOPE)
    by = f"{principal.tenant}/{principal.client_id}"
    return Selection(principal.tenant, places or None, reason), by


def _check(found: Sequence[str], wanted: Sequence[str]) -> None:
    missing = sorted(set(wanted) - set(found))
    if missing or not found:
        what = f"no unsettled dead letter of {missing[0]}" if missing else "no such dead letter"
        raise CommandFailed(f"there is {what} for this tenant", "list them with `vita dlq list`")
