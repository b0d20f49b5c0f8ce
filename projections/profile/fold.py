"""`fold(profile, event) -> profile`: pure, so that replay, rebuild and any batch split give the same
person."""

from collections.abc import Mapping
from typing import Any, Final, assert_never

from projections.profile.provenance import Provenance, credit, forget
from projections.profile.refresh import refresh
from projections.profile.state import Memory, Profile
from schemas.events import (
    AttributesChanged,
    EmailChanged,
    LoginFailed,
    LoginSucceeded,
    MetadataChanged,
    PasswordChanged,
    PersonEvent,
    PhoneChanged,
    UserBlocked,
    UserCreated,
    UserDeleted,
    UserUnblocked,
)
from schemas.exact_json import same
from schemas.instants import render

RECENT: Final = 32
"""How many of a person's latest events are remembered to recognise a gateway's retry."""
REFUSED: Final = 16


def fold(profile: Profile, event: PersonEvent) -> Profile:
    """The person after the event; the very same object when the event was applied before."""
    if is_duplicate(profile.memory, event):
        return profile
    memory = _remember(profile.memory, event)
    match event:
        case LoginSucceeded():
            return _logged_in(profile, memory, event)
        case LoginFailed():
            return profile._replace(memory=memory)
        case UserCreated():
            return _created(profile, memory, event)
        case (
            AttributesChanged()
            | MetadataChanged()
            | EmailChanged()
            | PhoneChanged()
            | PasswordChanged()
            | UserBlocked()
            | UserUnblocked()
            | UserDeleted()
        ):
            return _commanded(profile._replace(memory=memory), event)
        case _:
            assert_never(event)


Edit = (
    AttributesChanged
    | MetadataChanged
    | EmailChanged
    | PhoneChanged
    | PasswordChanged
    | UserBlocked
    | UserUnblocked
    | UserDeleted
)


def is_duplicate(memory: Memory, event: PersonEvent) -> bool:
    """Whether the event was applied before: its source offset is at or below the mark, or its id is among the
    recent ones."""
    if event.sourceposition is not None:
        source, _, offset = event.sourceposition.rpartition("/")
        if int(offset) <= memory.watermarks.get(source, -1):
            return True
    return _short(event.id) in memory.recent


def _short(event_id: str) -> str:
    return event_id[-17:-13] + event_id[-12:]


def _remember(memory: Memory, event: PersonEvent) -> Memory:
    watermarks = memory.watermarks
    if event.sourceposition is not None:
        source, _, offset = event.sourceposition.rpartition("/")
        watermarks = {**watermarks, source: int(offset)}
    recent = (*memory.recent, _short(event.id))[-RECENT:]
    return Memory(watermarks, recent, memory.refused, memory.provenance, memory.deleted_at)


def _refuse(profile: Profile, event: PersonEvent) -> Profile:
    command = event.causationid or event.id
    if command in profile.memory.refused:
        return profile
    return profile._replace(
        memory=profile.memory._replace(refused=(*profile.memory.refused, command)[-REFUSED:])
    )


def _commanded(profile: Profile, event: Edit) -> Profile:
    expected = event.data.expected_revision
    document = profile.document
    stale = expected is not None and expected != profile.revision
    if document is None or stale or (event.causationid or event.id) in profile.memory.refused:
        return _refuse(profile, event)
    match event:
        case AttributesChanged():
            return _edited(profile, document, event, event.data.values, event.data.removed)
        case EmailChanged():
            address = {"email": event.data.email, "email_verified": event.data.email_verified}
            return _addressed(profile, document, event, "email", address)
        case PhoneChanged():
            number = {"phone_number": event.data.phone_number, "phone_verified": event.data.phone_verified}
            return _addressed(profile, document, event, "phone_number", number)
        case MetadataChanged():
            return _advance(profile, {**document, **_metadata(document, event)}, render(event.time))
        case PasswordChanged():
            now = render(event.time)
            secrets = {**profile.secrets, "password_hash": event.data.password_hash}
            return _advance(profile._replace(secrets=secrets), {**document, "last_password_reset": now}, now)
        case UserBlocked() | UserUnblocked():
            return _advance(
                profile, {**document, "blocked": isinstance(event, UserBlocked)}, render(event.time)
            )
        case UserDeleted():
            memory = profile.memory._replace(provenance={}, deleted_at=render(event.time))
            return Profile(profile.revision + 1, None, memory)
        case _:
            assert_never(event)


def _advance(profile: Profile, document: dict[str, Any], now: str) -> Profile:
    """The next revision: `document` is a fresh dict and becomes the profile's."""
    document["updated_at"] = max(now, document.get("updated_at", now))
    if document.get("app_metadata") == {}:
        del document["app_metadata"]
    return Profile(profile.revision + 1, document, profile.memory, profile.secrets)


def _edited(
    profile: Profile,
    document: Mapping[str, Any],
    event: Edit,
    values: Mapping[str, Any],
    removed: tuple[str, ...] = (),
) -> Profile:
    now = render(event.time)
    changed = {name: value for name, value in {**document, **values}.items() if name not in removed}
    claims = dict.fromkeys((*values, *removed), "edit")
    memory = profile.memory._replace(
        provenance=credit(profile.memory.provenance, event.id, now, event.actor, claims)
    )
    return _advance(profile._replace(memory=memory), changed, now)


def _addressed(
    profile: Profile, document: Mapping[str, Any], event: Edit, address: str, values: Mapping[str, Any]
) -> Profile:
    if values[address] is None:
        return _edited(profile, document, event, {}, tuple(values))
    return _edited(profile, document, event, values)


def _metadata(document: Mapping[str, Any], event: MetadataChanged) -> dict[str, Any]:
    patches = {"user_metadata": event.data.user_metadata, "app_metadata": event.data.app_metadata}
    return {
        name: _merged(document.get(name, {}), patch) for name, patch in patches.items() if patch is not None
    }


def _merged(current: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    if not patch:
        return {}
    return {name: value for name, value in {**current, **patch}.items() if value is not None}


def _created(profile: Profile, memory: Memory, event: UserCreated) -> Profile:
    if profile.document is not None:
        return _refuse(profile._replace(memory=memory), event)
    data, now = event.data, render(event.time)
    document: dict[str, Any] = {
        "user_id": f"{data.provider}|{data.idp_id}",
        "created_at": now,
        "identities": [_identity(data.connection, data.provider, data.idp_id, is_social=False)],
        **data.attributes,
    }
    optional = {
        "user_metadata": data.user_metadata,
        "app_metadata": data.app_metadata,
        "blocked": data.blocked,
    }
    document.update((name, value) for name, value in optional.items() if value is not None)
    claims = {name: data.sources.get(name, "edit") for name in data.attributes}
    provenance = credit({}, event.id, now, event.actor, claims)
    secrets = {} if data.password_hash is None else {"password_hash": data.password_hash}
    fresh = memory._replace(provenance=provenance, deleted_at=None)
    return _advance(Profile(profile.revision, None, fresh, secrets), document, now)


def _logged_in(profile: Profile, memory: Memory, event: LoginSucceeded) -> Profile:
    data, now = event.data, render(event.time)
    identity = _identity(data.connection, data.provider, data.idp_id, is_social=data.is_social)
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
    remembered = Memory(memory.watermarks, memory.recent, memory.refused, provenance)
    return _advance(Profile(profile.revision, None, remembered, secrets), document, now)


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


def _identity(connection: str, provider: str, idp_id: str | int, *, is_social: bool) -> dict[str, Any]:
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
