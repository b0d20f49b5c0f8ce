"""Edits of a profile by admins and applications."""

from collections.abc import Mapping
from typing import Any, assert_never

from projections.profile.changes.metadata import merged
from projections.profile.identities import identity_key, identity_of
from projections.profile.marks import mark_of
from projections.profile.memory import is_turned_down, refuse
from projections.profile.provenance import credit
from projections.profile.revisions import advance, revise
from projections.profile.state import Memory, Profile
from schemas.events import (
    AttributesChanged,
    EmailChanged,
    LoginBlockReleased,
    MetadataChanged,
    PasswordChanged,
    PhoneChanged,
    UserBlocked,
    UserCreated,
    UserUnblocked,
)
from schemas.formats.instants import render

Edit = (
    AttributesChanged
    | MetadataChanged
    | EmailChanged
    | PhoneChanged
    | PasswordChanged
    | UserBlocked
    | UserUnblocked
    | LoginBlockReleased
)


def edited(profile: Profile, event: Edit) -> Profile:
    """Return the profile after an edit; refused if there is no document or the command was rejected."""
    document = profile.document
    if document is None or is_turned_down(profile, event):
        return refuse(profile, event)
    match event.type:
        case "profile.attributes.changed":
            return _edited(profile, document, event, event.data.values, event.data.removed)
        case "profile.email.changed":
            address = {"email": event.data.email, "email_verified": event.data.email_verified}
            return _addressed(profile, document, event, "email", address)
        case "profile.phone.changed":
            number = {"phone_number": event.data.phone_number, "phone_verified": event.data.phone_verified}
            return _addressed(profile, document, event, "phone_number", number)
        case "profile.metadata.changed":
            return advance(profile, {**document, **_metadata(document, event)}, render(event.time))
        case "profile.password.changed":
            return _password(profile, document, event)
        case "profile.user.blocked" | "profile.user.unblocked":
            return advance(
                profile, {**document, "blocked": isinstance(event, UserBlocked)}, render(event.time)
            )
        case "profile.login_block.released":
            return revise(profile)
        case _:
            assert_never(event)


def place_of(document: Mapping[str, Any], connection: str | None) -> int | None:
    """Return the index of the identity that an edit through a connection changes: the primary one if it has
    this connection or `connection` is None, otherwise the first that has it; None if no identity has it."""
    if connection is None:
        return 0
    names = [identity["connection"] for identity in document["identities"]]
    return names.index(connection) if connection in names else None


def shown_of(document: Mapping[str, Any], place: int) -> Mapping[str, Any]:
    """Return where the attributes of the identity at this index are: the root of the document for the primary
    one, otherwise its `profileData`."""
    shown: Mapping[str, Any] = (
        document if place == 0 else document["identities"][place].get("profileData", {})
    )
    return shown


def _edited(
    profile: Profile,
    document: Mapping[str, Any],
    event: AttributesChanged | EmailChanged | PhoneChanged,
    values: Mapping[str, Any],
    removed: tuple[str, ...] = (),
) -> Profile:
    place, now = place_of(document, event.data.connection), render(event.time)
    if place is None:
        return refuse(profile, event)
    shown = {**shown_of(document, place), **values}
    changed = {name: value for name, value in shown.items() if name not in removed}
    if place > 0:
        marked = dict.fromkeys((*values, *removed), mark_of(event))
        memory = _with_marks(profile.memory, document["identities"][place], marked)
        return advance(profile._replace(memory=memory), _with_profile_data(document, place, changed), now)
    claims = dict.fromkeys((*values, *removed), "edit")
    memory = profile.memory._replace(
        provenance=credit(profile.memory.provenance, event.id, now, event.actor, claims)
    )
    return advance(profile._replace(memory=memory), changed, now)


def _with_profile_data(
    document: Mapping[str, Any], place: int, profile_data: Mapping[str, Any]
) -> dict[str, Any]:
    identities = list(document["identities"])
    identities[place] = {**identities[place], "profileData": profile_data}
    return {**document, "identities": identities}


def _with_marks(memory: Memory, identity: Mapping[str, Any], marked: Mapping[str, str]) -> Memory:
    key = identity_key(identity["provider"], identity["user_id"])
    return memory._replace(linked={**memory.linked, key: {**memory.linked.get(key, {}), **marked}})


def _password(profile: Profile, document: Mapping[str, Any], event: PasswordChanged) -> Profile:
    """Store the hash: of the primary identity under `password_hash`, of others under `passwords` by
    identity."""
    place, now = place_of(document, event.data.connection), render(event.time)
    if place is None:
        return refuse(profile, event)
    given: dict[str, Any] = {"password_hash": event.data.password_hash}
    if place > 0:
        identity = document["identities"][place]
        key = identity_key(identity["provider"], identity["user_id"])
        given = {"passwords": {**profile.secrets.get("passwords", {}), key: event.data.password_hash}}
    secrets = {**profile.secrets, **given}
    return advance(profile._replace(secrets=secrets), {**document, "last_password_reset": now}, now)


def _addressed(
    profile: Profile,
    document: Mapping[str, Any],
    event: EmailChanged | PhoneChanged,
    address: str,
    values: Mapping[str, Any],
) -> Profile:
    if values[address] is None:
        return _edited(profile, document, event, {}, tuple(values))
    return _edited(profile, document, event, values)


def _metadata(document: Mapping[str, Any], event: MetadataChanged) -> dict[str, Any]:
    patches = {"user_metadata": event.data.user_metadata, "app_metadata": event.data.app_metadata}
    return {
        name: merged(document.get(name, {}), patch, event.data.merge)
        for name, patch in patches.items()
        if patch is not None
    }


def created(profile: Profile, memory: Memory, event: UserCreated) -> Profile:
    """Return the profile after its creation; refused if there is a document, or if the user was linked to
    another and the document is kept in `merged`."""
    if profile.document is not None or "merged" in profile.associations:
        return refuse(profile._replace(memory=memory), event)
    data, now = event.data, render(event.time)
    document: dict[str, Any] = {
        "user_id": f"{data.provider}|{data.idp_id}",
        "created_at": now,
        "identities": [identity_of(data.connection, data.provider, data.idp_id, is_social=False)],
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
    fresh = memory._replace(provenance=provenance, marks={}, linked={}, deleted_at=None)
    return advance(Profile(profile.revision, None, fresh, secrets), document, now)
