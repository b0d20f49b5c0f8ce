"""What a login does to a profile."""

from collections.abc import Mapping
from typing import Any

from projections.profile.accounts import with_account
from projections.profile.identities import (
    identity_of,
    is_same_identity,
    profile_data_of,
    with_identity,
)
from projections.profile.profile_data import refreshed
from projections.profile.provenance import Provenance, credit, forget
from projections.profile.refresh import refresh
from projections.profile.revisions import advance
from projections.profile.state import Memory, Profile
from schemas.events import LoginSucceeded
from schemas.instants import render


def logged_in(profile: Profile, memory: Memory, event: LoginSucceeded) -> Profile:
    """The person after a successful login; the first one makes the profile."""
    data, now = event.data, render(event.time)
    identity = identity_of(data.connection, data.provider, data.idp_id, is_social=data.is_social)
    provenance = memory.provenance
    creating = profile.document is None
    if profile.document is None:
        document: dict[str, Any] = {
            "user_id": f"{data.provider}|{data.idp_id}",
            "created_at": now,
            "identities": [identity],
        }
        provenance = {}
    else:
        document = dict(profile.document)
    if creating or is_same_identity(document["identities"][0], identity):
        provenance = _refresh_root(document, provenance, event, now, creating=creating)
    else:
        known = profile_data_of(document["identities"], identity)
        fresh = refreshed(known, data.attributes, data.extras, data.sources)
        identity = {"profileData": fresh, **identity}
    document["identities"] = with_identity(document["identities"], identity)
    _count(document, event, now)
    secrets = profile.secrets if data.tokens is None else _with_tokens(profile.secrets, event)
    holdings = with_account(profile.holdings, event)
    remembered = memory._replace(provenance=provenance, deleted_at=None)
    return advance(profile._replace(memory=remembered, secrets=secrets, holdings=holdings), document, now)


def _refresh_root(
    document: dict[str, Any], provenance: Provenance, event: LoginSucceeded, now: str, *, creating: bool
) -> Provenance:
    """Writes what the login brings into a document made for it; the provenance afterwards."""
    data = event.data
    found = refresh(
        document, provenance, data.root_policy, data.attributes, data.extras, data.sources, creating=creating
    )
    for name in found.dropped:
        del document[name]
    document.update(found.values)
    if found.dropped:
        provenance = forget(provenance, found.dropped)
    return credit(provenance, event.id, now, f"connection:{data.connection}", found.claims)


def _count(document: dict[str, Any], event: LoginSucceeded, now: str) -> None:
    document["logins_count"] = document.get("logins_count", 0) + 1
    if now >= document.get("last_login", ""):
        document["last_login"] = now
        if event.data.ip is not None:
            document["last_ip"] = event.data.ip


def _with_tokens(secrets: Mapping[str, Any], event: LoginSucceeded) -> dict[str, Any]:
    identity = f"{event.data.provider}|{event.data.idp_id}"
    return {**secrets, "tokens": {**secrets.get("tokens", {}), identity: event.data.tokens}}
