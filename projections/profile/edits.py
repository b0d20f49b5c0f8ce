"""What admins and applications do to a profile."""

from collections.abc import Mapping
from typing import Any, assert_never

from projections.profile.identities import identity_of
from projections.profile.memory import is_refused, refuse
from projections.profile.provenance import credit
from projections.profile.revisions import advance, hold
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
from schemas.instants import render

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
    """The person after an edit, or the same one when it is turned down."""
    expected = event.data.expected_revision
    document = profile.document
    stale = expected is not None and expected != profile.revision
    if document is None or stale or is_refused(profile, event):
        return refuse(profile, event)
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
            return advance(profile, {**document, **_metadata(document, event)}, render(event.time))
        case PasswordChanged():
            now = render(event.time)
            secrets = {**profile.secrets, "password_hash": event.data.password_hash}
            return advance(profile._replace(secrets=secrets), {**document, "last_password_reset": now}, now)
        case UserBlocked() | UserUnblocked():
            return advance(
                profile, {**document, "blocked": isinstance(event, UserBlocked)}, render(event.time)
            )
        case LoginBlockReleased():
            return hold(profile)
        case _:
            assert_never(event)


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
    return advance(profile._replace(memory=memory), changed, now)


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


def created(profile: Profile, memory: Memory, event: UserCreated) -> Profile:
    """The person after the creation of a profile; refused for somebody who has one, and for one put by."""
    if profile.document is not None or "merged" in profile.holdings:
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
    fresh = memory._replace(provenance=provenance, deleted_at=None)
    return advance(Profile(profile.revision, None, fresh, secrets), document, now)
