"""`fold(profile, event) -> profile`: pure, so that replay, rebuild and any batch split give the same
person."""

from typing import assert_never

from projections.profile.access import granted
from projections.profile.edits import created, edited
from projections.profile.logins import logged_in
from projections.profile.memory import is_duplicate, remember
from projections.profile.state import Profile
from schemas.events import (
    AttributesChanged,
    EmailChanged,
    LoginBlockReleased,
    LoginFailed,
    LoginSucceeded,
    MetadataChanged,
    OrganizationJoined,
    OrganizationLeft,
    PasswordChanged,
    PermissionsAssigned,
    PermissionsRemoved,
    PersonEvent,
    PhoneChanged,
    RolesAssigned,
    RolesRemoved,
    UserBlocked,
    UserCreated,
    UserDeleted,
    UserUnblocked,
)


def fold(profile: Profile, event: PersonEvent) -> Profile:
    """The person after the event; the very same object when the event was applied before."""
    if is_duplicate(profile.memory, event):
        return profile
    memory = remember(profile.memory, event)
    match event:
        case LoginSucceeded():
            return logged_in(profile, memory, event)
        case LoginFailed():
            return profile._replace(memory=memory)
        case UserCreated():
            return created(profile, memory, event)
        case (
            AttributesChanged()
            | MetadataChanged()
            | EmailChanged()
            | PhoneChanged()
            | PasswordChanged()
            | UserBlocked()
            | UserUnblocked()
            | UserDeleted()
            | LoginBlockReleased()
        ):
            return edited(profile._replace(memory=memory), event)
        case (
            RolesAssigned()
            | RolesRemoved()
            | PermissionsAssigned()
            | PermissionsRemoved()
            | OrganizationJoined()
            | OrganizationLeft()
        ):
            return granted(profile._replace(memory=memory), event)
        case _:
            assert_never(event)
