"""Two profiles become one person's and part again (design D16)."""

from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.envelope import Envelope
from schemas.events.fields import OPEN, PROFILE, CommandData, ConnectionName, IdpId, Slug

SubjectId = Annotated[str, Field(pattern=r"^sub_[0-9a-f]{32}$")]
LinkMeans = Literal["admin", "token"]
"""How it was shown that both belong to one person: on an admin's word, or by the secondary's own ID token."""


Mark = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT[0-9:.]{12}Z [0-9a-f-]{36}$")]
"""The time and the id of an event, as marks compare (see `projections.profile.marks`)."""


class IdentityLinkedData(CommandData):
    """The identity of another subject, with what its profile shows of it. `marks` says which event gave each
    of the attributes, under "" which login gave the leftovers and under "tokens " which gave the tokens."""

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
    """On the primary: from here on it takes the logins of the secondary's identity."""

    type: Literal["profile.identity.linked"] = "profile.identity.linked"
    dataversion: Literal[1] = 1
    data: IdentityLinkedData


class UserMergedData(CommandData):
    """Whose profile shows the identity now."""

    into: Annotated[SubjectId, OPEN]


class UserMerged(Envelope):
    """On the secondary: the profile is put by as it is, and logins are handed on."""

    type: Literal["profile.user.merged"] = "profile.user.merged"
    dataversion: Literal[1] = 1
    data: UserMergedData


class IdentityUnlinkedData(CommandData):
    """Which of the linked identities it was."""

    secondary: Annotated[SubjectId, OPEN]
    connection: Annotated[ConnectionName, OPEN]
    provider: Annotated[Slug, PROFILE]
    idp_id: Annotated[IdpId, PROFILE]


class IdentityUnlinked(Envelope):
    """On the primary: the identity is no longer among its own."""

    type: Literal["profile.identity.unlinked"] = "profile.identity.unlinked"
    dataversion: Literal[1] = 1
    data: IdentityUnlinkedData


class UserRestoredData(CommandData):
    """What logins and edits brought while the identity was another's: values that differ from those put by,
    names that are there no more, and a password set meanwhile. `marks` says which events gave them, as in
    `IdentityLinkedData`."""

    parted_from: Annotated[SubjectId, OPEN]
    values: Annotated[dict[str, Any], PROFILE] = Field(default_factory=dict)
    removed: Annotated[tuple[str, ...], PROFILE] = ()
    marks: Annotated[dict[str, Mark], PROFILE] = Field(default_factory=dict)
    tokens: Annotated[dict[str, Any] | None, PROFILE] = None
    password_hash: Annotated[str | None, PROFILE] = None


class UserRestored(Envelope):
    """On the secondary: the profile that was put by is a person's own again."""

    type: Literal["profile.user.restored"] = "profile.user.restored"
    dataversion: Literal[1] = 1
    data: UserRestoredData
