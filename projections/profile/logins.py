"""What a login does to a profile."""

from collections.abc import Mapping
from typing import Any

from projections.profile.provenance import Provenance, credit, forget
from projections.profile.refresh import refresh
from projections.profile.revisions import advance
from projections.profile.state import Memory, Profile
from schemas.events import LoginSucceeded
from schemas.exact_json import same
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
    if creating or _same_identity(document["identities"][0], identity):
        provenance = _refresh_root(document, provenance, event, now, creating=creating)
    else:
        identity["profileData"] = {**data.attributes, **data.extras}
    document["identities"] = _with_identity(document["identities"], identity)
    _count(document, event, now)
    secrets = profile.secrets if data.tokens is None else _with_tokens(profile.secrets, event)
    remembered = memory._replace(provenance=provenance, deleted_at=None)
    return advance(profile._replace(memory=remembered, secrets=secrets), document, now)


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


def identity_of(connection: str, provider: str, idp_id: str | int, *, is_social: bool) -> dict[str, Any]:
    """An entry of `identities`."""
    return {"connection": connection, "user_id": idp_id, "provider": provider, "isSocial": is_social}


def _same_identity(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one["provider"] == other["provider"] and str(one["user_id"]) == str(other["user_id"])


def _with_identity(identities: list[dict[str, Any]], seen: dict[str, Any]) -> list[dict[str, Any]]:
    if any(same(known, seen) for known in identities):
        return identities
    if any(_same_identity(known, seen) for known in identities):
        return [seen if _same_identity(known, seen) else known for known in identities]
    return [*identities, seen]


def _with_tokens(secrets: Mapping[str, Any], event: LoginSucceeded) -> dict[str, Any]:
    identity = f"{event.data.provider}|{event.data.idp_id}"
    return {**secrets, "tokens": {**secrets.get("tokens", {}), identity: event.data.tokens}}
