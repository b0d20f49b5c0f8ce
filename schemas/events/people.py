"""What admins and applications do to a person's profile."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from schemas.envelope import Envelope
from schemas.events.fields import OPEN, PROFILE, CommandData, ConnectionName, IdpId, Slug


class UserCreatedData(CommandData):
    """A profile made through the API, defaults already decided."""

    connection: Annotated[ConnectionName, OPEN]
    strategy: Annotated[Slug, OPEN]
    blocked: Annotated[bool | None, OPEN] = None
    provider: Annotated[Slug, PROFILE]
    idp_id: Annotated[IdpId, PROFILE]
    attributes: Annotated[dict[str, Any], PROFILE]
    sources: Annotated[dict[str, str], PROFILE] = Field(default_factory=dict)
    user_metadata: Annotated[dict[str, Any] | None, PROFILE] = None
    app_metadata: Annotated[dict[str, Any] | None, PROFILE] = None
    password_hash: Annotated[str | None, PROFILE] = None


class UserCreated(Envelope):
    """Refused by the fold when the subject already has a living profile."""

    type: Literal["profile.user.created"] = "profile.user.created"
    dataversion: Literal[1] = 1
    data: UserCreatedData


class AttributesChangedData(CommandData):
    """Root attributes set or removed; names are open, values sealed."""

    changed: Annotated[tuple[Slug, ...], OPEN]
    removed: Annotated[tuple[Slug, ...], OPEN] = ()
    connection: Annotated[ConnectionName | None, OPEN] = None
    values: Annotated[dict[str, Any], PROFILE]

    @model_validator(mode="after")
    def _changes_something(self) -> "AttributesChangedData":
        if not self.changed and not self.removed:
            raise ValueError("an edit that changes nothing is no event")
        if set(self.values) != set(self.changed):
            raise ValueError("`values` must hold exactly the changed attributes")
        return self


class AttributesChanged(Envelope):
    """An edit of name, nickname, given_name, family_name, picture, username or another root attribute."""

    type: Literal["profile.attributes.changed"] = "profile.attributes.changed"
    dataversion: Literal[1] = 1
    data: AttributesChangedData


MetadataMerge = Literal["first_level", "deep"]


class MetadataChangedData(CommandData):
    """Patches, None leaves alone. Merged at the first level, a null removes its key, an empty object wipes
    (spec §4.3); or deep, as a JSON merge patch (RFC 7396)."""

    merge: Annotated[MetadataMerge, OPEN] = "first_level"
    user_metadata: Annotated[dict[str, Any] | None, PROFILE] = None
    app_metadata: Annotated[dict[str, Any] | None, PROFILE] = None

    @model_validator(mode="after")
    def _changes_something(self) -> "MetadataChangedData":
        if self.user_metadata is None and self.app_metadata is None:
            raise ValueError("an edit that changes nothing is no event")
        return self


class MetadataChanged(Envelope):
    """An edit of user_metadata, app_metadata or both."""

    type: Literal["profile.metadata.changed"] = "profile.metadata.changed"
    dataversion: Literal[1] = 1
    data: MetadataChangedData


class EmailChangedData(CommandData):
    """The address of one identity; None removes it."""

    connection: Annotated[ConnectionName, OPEN]
    email: Annotated[str | None, PROFILE] = None
    email_verified: Annotated[bool, PROFILE]


class EmailChanged(Envelope):
    """A new address, or the same one with another verified state."""

    type: Literal["profile.email.changed"] = "profile.email.changed"
    dataversion: Literal[1] = 1
    data: EmailChangedData


class PhoneChangedData(CommandData):
    """The phone number of one identity; None removes it."""

    connection: Annotated[ConnectionName, OPEN]
    phone_number: Annotated[str | None, PROFILE] = None
    phone_verified: Annotated[bool, PROFILE]


class PhoneChanged(Envelope):
    """A new number, or the same one with another verified state."""

    type: Literal["profile.phone.changed"] = "profile.phone.changed"
    dataversion: Literal[1] = 1
    data: PhoneChangedData


class PasswordChangedData(CommandData):
    """A new password, as an argon2id or bcrypt hash."""

    connection: Annotated[ConnectionName, OPEN]
    password_hash: Annotated[str, PROFILE]


class PasswordChanged(Envelope):
    """Moves `last_password_reset`."""

    type: Literal["profile.password.changed"] = "profile.password.changed"
    dataversion: Literal[1] = 1
    data: PasswordChangedData


class UserFlagData(CommandData):
    """Nothing but the fact."""


class UserBlocked(Envelope):
    """An admin block."""

    type: Literal["profile.user.blocked"] = "profile.user.blocked"
    dataversion: Literal[1] = 1
    data: UserFlagData = UserFlagData()


class UserUnblocked(Envelope):
    """The admin block lifted."""

    type: Literal["profile.user.unblocked"] = "profile.user.unblocked"
    dataversion: Literal[1] = 1
    data: UserFlagData = UserFlagData()


class UserDeletedData(CommandData):
    """`together_with` is the primary's subject when people whose identities are linked go together, each with
    an event of their own; without it nobody goes who has linked identities."""

    together_with: Annotated[str | None, OPEN] = None


class UserDeleted(Envelope):
    """Gone from the views at once; what remains is sealed history until erasure."""

    type: Literal["profile.user.deleted"] = "profile.user.deleted"
    dataversion: Literal[1] = 1
    data: UserDeletedData = UserDeletedData()
