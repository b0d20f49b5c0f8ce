"""Events that link the profiles of two subjects, and unlink them again (design D16)."""

from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.envelope import Envelope
from schemas.events.fields import OPEN, PROFILE, CommandData, ConnectionName, IdpId, Slug

SubjectId = Annotated[str, Field(pattern=r"^sub_[0-9a-f]{32}$")]
LinkMeans = Literal["admin", "token"]
"""The evidence that both profiles belong to one person: an admin's word, or an ID token of the secondary."""


Mark = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT[0-9:.]{12}Z [0-9a-f-]{36}$")]
"""Time and id of an event, in the order in which marks compare (see `projections.profile.marks`)."""


class IdentityLinkedData(CommandData):
    """The identity of the secondary subject, with the profile that belongs to it.

    `marks` names the event that set each attribute. The key "" is for the login that brought the
    leftovers, and a key that begins with "tokens " for the login that brought tokens.
    """

    secondary: Annotated[SubjectId, OPEN]
    connection: Annotated[ConnectionName, OPEN]
    is_social: Annotated[bool, OPEN]
    means: Annotated[LinkMeans, OPEN]
    provider: Annotated[Slug, PROFILE]
    idp_id: Annotated[IdpId, PROFILE]
    profile_data: Annotated[dict[str, Any], PROFILE] = Field(default_factory=dict)
    marks: Annotated[dict[str, Mark], PROFILE] = Field(default_factory=dict)
    tokens: Annotated[dict[str, Any] | None, PROFILE] = None


class IdentityLinked(Envelope):
    """On the primary: logins of the secondary's identity now belong to this profile."""

    type: Literal["profile.identity.linked"] = "profile.identity.linked"
    dataversion: Literal[1] = 1
    data: IdentityLinkedData


class UserMergedData(CommandData):
    """The subject whose profile now contains the identity."""

    into: Annotated[SubjectId, OPEN]


class UserMerged(Envelope):
    """On the secondary: the profile is set aside unchanged, and its logins are relayed to the primary."""

    type: Literal["profile.user.merged"] = "profile.user.merged"
    dataversion: Literal[1] = 1
    data: UserMergedData


class IdentityUnlinkedData(CommandData):
    """The linked identity that is removed."""

    secondary: Annotated[SubjectId, OPEN]
    connection: Annotated[ConnectionName, OPEN]
    provider: Annotated[Slug, PROFILE]
    idp_id: Annotated[IdpId, PROFILE]


class IdentityUnlinked(Envelope):
    """On the primary: the identity no longer belongs to this profile."""

    type: Literal["profile.identity.unlinked"] = "profile.identity.unlinked"
    dataversion: Literal[1] = 1
    data: IdentityUnlinkedData


class UserRestoredData(CommandData):
    """What logins and edits changed while the identity was linked.

    It holds values that differ from those set aside, names of values that were removed, and a password
    that was set meanwhile. `marks` is as in `IdentityLinkedData`.
    """

    parted_from: Annotated[SubjectId, OPEN]
    values: Annotated[dict[str, Any], PROFILE] = Field(default_factory=dict)
    removed: Annotated[tuple[str, ...], PROFILE] = ()
    marks: Annotated[dict[str, Mark], PROFILE] = Field(default_factory=dict)
    tokens: Annotated[dict[str, Any] | None, PROFILE] = None
    password_hash: Annotated[str | None, PROFILE] = None


class UserRestored(Envelope):
    """On the secondary: the profile that was set aside is a user of its own again."""

    type: Literal["profile.user.restored"] = "profile.user.restored"
    dataversion: Literal[1] = 1
    data: UserRestoredData
