"""The effect of a login on a profile."""

from collections.abc import Mapping
from typing import Any

from projections.profile.changes.accounts import with_account
from projections.profile.changes.refresh import Standing, refresh
from projections.profile.identities import (
    identity_key,
    identity_of,
    is_same_identity,
    profile_data_of,
    with_identity,
)
from projections.profile.marks import ADDRESS, FIRST, LATEST, ONCE, PRIMARY, TOKENS, mark_of
from projections.profile.profile_data import refreshed
from projections.profile.provenance import credit, forget
from projections.profile.revisions import advance
from projections.profile.state import Memory, Profile
from schemas.events import LoginSucceeded
from schemas.formats.instants import render


def logged_in(profile: Profile, memory: Memory, event: LoginSucceeded) -> Profile:
    """Return the profile after a successful login; the first login creates it."""
    data, now, mark = event.data, render(event.time), mark_of(event)
    identity = identity_of(data.connection, data.provider, data.idp_id, is_social=data.is_social)
    if profile.document is None:
        document: dict[str, Any] = {
            "user_id": f"{data.provider}|{data.idp_id}",
            "created_at": now,
            "identities": [identity],
        }
        memory = memory._replace(provenance={}, marks={}, linked={})
    else:
        document = dict(profile.document)
    marks = dict(memory.marks)
    creating = profile.document is None
    if creating or is_same_identity(document["identities"][0], identity):
        memory = _of_primary(document, memory, marks, event, identity, creating=creating)
    else:
        memory = _of_linked(document, memory, event, identity)
    _count(document, marks, event, now)
    secrets = {} if creating else profile.secrets
    tokens = TOKENS + identity_key(data.provider, data.idp_id)
    if data.tokens is not None and mark > marks.get(tokens, ""):
        marks[tokens] = mark
        secrets = _with_tokens(secrets, event)
    associations = with_account(profile.associations, event)
    remembered = memory._replace(marks=marks, deleted_at=None)
    return advance(
        profile._replace(memory=remembered, secrets=secrets, associations=associations), document, now
    )


def _of_primary(
    document: dict[str, Any],
    memory: Memory,
    marks: dict[str, str],
    event: LoginSucceeded,
    identity: dict[str, Any],
    *,
    creating: bool,
) -> Memory:
    """Apply a login of the primary identity to `document`, which is modified in place, and return the new
    memory."""
    now, mark = render(event.time), mark_of(event)
    newest = mark > marks.get(PRIMARY, "")
    first = creating or mark < marks.get(FIRST, "")
    displaced = marks.pop(ONCE, None) if first else None
    if first:
        marks[FIRST], document["created_at"] = mark, now
        if event.data.root_policy == "on_first_login":
            marks[ONCE] = event.id
    if newest:
        marks[PRIMARY] = mark
        document["identities"] = with_identity(document["identities"], identity)
    found = refresh(document, memory.provenance, event.data, Standing(mark, newest, first, displaced))
    for name in found.dropped:
        document.pop(name, None)
    document.update(found.values)
    provenance = forget(memory.provenance, found.dropped) if found.dropped else memory.provenance
    provenance = credit(provenance, event.id, now, f"connection:{event.data.connection}", found.claims)
    return memory._replace(provenance=provenance)


def _of_linked(
    document: dict[str, Any], memory: Memory, event: LoginSucceeded, identity: dict[str, Any]
) -> Memory:
    """Apply a login of a linked identity to `document`, which is modified in place, and return the new
    memory."""
    key = identity_key(event.data.provider, event.data.idp_id)
    known = profile_data_of(document["identities"], identity)
    fresh, marks, newest = refreshed(known, memory.linked.get(key, {}), event.data, mark_of(event))
    shown = {"profileData": fresh, **identity}
    document["identities"] = with_identity(document["identities"], shown, keep_entry=not newest)
    return memory._replace(linked={**memory.linked, key: marks})


def _count(document: dict[str, Any], marks: dict[str, str], event: LoginSucceeded, now: str) -> None:
    document["logins_count"] = document.get("logins_count", 0) + 1
    mark = mark_of(event)
    if mark > marks.get(LATEST, ""):
        marks[LATEST] = mark
        document["last_login"] = now
    if event.data.ip is not None and mark > marks.get(ADDRESS, ""):
        marks[ADDRESS] = mark
        document["last_ip"] = event.data.ip


def _with_tokens(secrets: Mapping[str, Any], event: LoginSucceeded) -> dict[str, Any]:
    identity = identity_key(event.data.provider, event.data.idp_id)
    return {**secrets, "tokens": {**secrets.get("tokens", {}), identity: event.data.tokens}}
