"""What gateways are told of an event: which access they gave is to end."""

from collections.abc import Iterable, Iterator
from typing import Any

from projections.applied import Applied
from schemas.events import (
    Event,
    RefreshTokenRevoked,
    RememberedBrowsersInvalidated,
    RiskAssessmentCleared,
    SessionRevoked,
    UserDeleted,
)
from schemas.formats.instants import render
from schemas.revocation import Revocation, RevokedAccess


def revocations(applied: Iterable[Applied]) -> Iterator[Revocation]:
    """In the order of the log; nothing for what an earlier generation of the views has told of already."""
    for one in applied:
        if one.refused or one.logged.replayed or one.before is None or one.before.document is None:
            continue
        ended = _ended(one.event)
        if ended is not None:
            yield Revocation(
                id=one.event.id,
                time=render(one.event.time),
                tenant=one.event.tenant,
                subject=one.event.subject,
                data=RevokedAccess(user_id=one.before.document["user_id"], **ended),
            )


def _ended(event: Event) -> dict[str, Any] | None:
    match event:
        case UserDeleted():
            return {"what": ("sessions", "refresh_tokens")}
        case SessionRevoked(data=data) if data.every or data.session_id is not None:
            what = ("sessions", "refresh_tokens") if data.refresh_tokens else ("sessions",)
            return {"what": what, "session_id": None if data.every else data.session_id}
        case RefreshTokenRevoked(data=data) if data.every or data.refresh_token_ids:
            return {
                "what": ("refresh_tokens",),
                "refresh_token_ids": None if data.every else data.refresh_token_ids,
                "client_id": data.client_id,
                "audience": data.audience,
            }
        case RememberedBrowsersInvalidated():
            return {"what": ("remembered_browsers",)}
        case RiskAssessmentCleared(data=data):
            return {"what": ("risk_assessments",), "connection": data.connection}
    return None
