"""Events about what admins and applications change in a profile."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from schemas.envelope import Envelope, EventId
from schemas.events.fields import OPEN, PROFILE, CommandData, ConnectionName, IdpId, Slug
from schemas.reservation import PERSONAL, ReservationKind


class UserCreatedData(CommandData):
    """A profile created through the API, with all defaults applied."""

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
    """A user was created. The fold rejects the event if the subject already has an active profile."""

    type: Literal["profile.user.created"] = "profile.user.created"
    dataversion: Literal[1] = 1
    data: UserCreatedData

    @property
    def reserves(self) -> tuple[ReservationKind, ...]:
        """All values of the identity that is created."""
        return PERSONAL


class AttributesChangedData(CommandData):
    """Root attributes that were set or removed. Names are open, values are sealed."""

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
    """Root attributes were edited: name, nickname, given_name, family_name, picture, username or others."""

    type: Literal["profile.attributes.changed"] = "profile.attributes.changed"
    dataversion: Literal[1] = 1
    data: AttributesChangedData

    @property
    def reserves(self) -> tuple[ReservationKind, ...]:
        """The username of the identity, if it is among the attributes."""
        return ("username",) if "username" in (*self.data.changed, *self.data.removed) else ()


MetadataMerge = Literal["first_level", "deep"]


class MetadataChangedData(CommandData):
    """Patches of metadata; None leaves the metadata unchanged.

    A patch is merged at the first level, where null removes a key and an empty object removes everything
    (spec §4.3), or deeply as a JSON merge patch (RFC 7396).
    """

    merge: Annotated[MetadataMerge, OPEN] = "first_level"
    user_metadata: Annotated[dict[str, Any] | None, PROFILE] = None
    app_metadata: Annotated[dict[str, Any] | None, PROFILE] = None

    @model_validator(mode="after")
    def _changes_something(self) -> "MetadataChangedData":
        if self.user_metadata is None and self.app_metadata is None:
            raise ValueError("an edit that changes nothing is no event")
        return self


class MetadataChanged(Envelope):
    """user_metadata, app_metadata or both were edited."""

    type: Literal["profile.metadata.changed"] = "profile.metadata.changed"
    dataversion: Literal[1] = 1
    data: MetadataChangedData


class EmailChangedData(CommandData):
    """The e-mail address of one identity; None removes it."""

    connection: Annotated[ConnectionName, OPEN]
    email: Annotated[str | None, PROFILE] = None
    email_verified: Annotated[bool, PROFILE]


class EmailChanged(Envelope):
    """An e-mail address was set, or its verified state changed."""

    type: Literal["profile.email.changed"] = "profile.email.changed"
    dataversion: Literal[1] = 1
    data: EmailChangedData

    @property
    def reserves(self) -> tuple[ReservationKind, ...]:
        """The address of the identity."""
        return ("email",)


class PhoneChangedData(CommandData):
    """The phone number of one identity; None removes it."""

    connection: Annotated[ConnectionName, OPEN]
    phone_number: Annotated[str | None, PROFILE] = None
    phone_verified: Annotated[bool, PROFILE]


class PhoneChanged(Envelope):
    """A phone number was set, or its verified state changed."""

    type: Literal["profile.phone.changed"] = "profile.phone.changed"
    dataversion: Literal[1] = 1
    data: PhoneChangedData

    @property
    def reserves(self) -> tuple[ReservationKind, ...]:
        """The number of the identity."""
        return ("phone_number",)


class PasswordChangedData(CommandData):
    """The new password as an argon2id or bcrypt hash."""

    connection: Annotated[ConnectionName, OPEN]
    password_hash: Annotated[str, PROFILE]


class PasswordChanged(Envelope):
    """The password was changed. The event sets `last_password_reset`."""

    type: Literal["profile.password.changed"] = "profile.password.changed"
    dataversion: Literal[1] = 1
    data: PasswordChangedData


class UserFlagData(CommandData):
    """The event holds nothing besides the fact."""


class UserBlocked(Envelope):
    """An admin blocked the user."""

    type: Literal["profile.user.blocked"] = "profile.user.blocked"
    dataversion: Literal[1] = 1
    data: UserFlagData = UserFlagData()


class UserUnblocked(Envelope):
    """An admin removed the block."""

    type: Literal["profile.user.unblocked"] = "profile.user.unblocked"
    dataversion: Literal[1] = 1
    data: UserFlagData = UserFlagData()


class UserDeletedData(CommandData):
    """`together_with` is the primary's subject if linked users are deleted together; each then has its own
    event.

    Without it, the fold rejects the deletion of a user with linked identities.
    """

    together_with: Annotated[str | None, OPEN] = None


class UserDeleted(Envelope):
    """The user was deleted. The profile disappears from all views; the sealed history is kept until
    erasure."""

    type: Literal["profile.user.deleted"] = "profile.user.deleted"
    dataversion: Literal[1] = 1
    data: UserDeletedData = UserDeletedData()

    @property
    def reserves(self) -> tuple[ReservationKind, ...]:
        """All values of the identities that go."""
        return PERSONAL


class UserUndeletedData(CommandData):
    """`deletion` is the id of the command that deleted the user: a later deletion stays."""

    deletion: Annotated[EventId, OPEN]


class UserUndeleted(Envelope):
    """A deletion was undone: the user exists again with everything that the deletion set aside.

    The fold rejects the event if the subject has another profile by now.
    """

    type: Literal["profile.user.undeleted"] = "profile.user.undeleted"
    dataversion: Literal[1] = 1
    data: UserUndeletedData
