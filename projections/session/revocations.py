"""The revocations that an event causes: access that gateways must end."""

from collections.abc import Iterable, Iterator
from typing import Any

from projections.applied import Applied
from schemas.events import Event
from schemas.formats.instants import render
from schemas.revocation import Revocation, RevokedAccess


def revocations(applied: Iterable[Applied]) -> Iterator[Revocation]:
    """Yield the revocations of applied events, in the order of the log. Replayed events yield none, since an
    earlier generation of the views published theirs."""
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
    match event.type:
        case "profile.user.deleted":
            return {"what": ("sessions", "refresh_tokens")}
        case "profile.session.revoked" if event.data.every or event.data.session_id is not None:
            what = ("sessions", "refresh_tokens") if event.data.refresh_tokens else ("sessions",)
            return {"what": what, "session_id": None if event.data.every else event.data.session_id}
        case "profile.refresh_token.revoked" if event.data.every or event.data.refresh_token_ids:
            return {
                "what": ("refresh_tokens",),
                "refresh_token_ids": None if event.data.every else event.data.refresh_token_ids,
                "client_id": event.data.client_id,
                "audience": event.data.audience,
            }
        case "profile.remembered_browsers.invalidated":
            return {"what": ("remembered_browsers",)}
        case "profile.risk_assessment.cleared":
            return {"what": ("risk_assessments",), "connection": event.data.connection}
    return None
