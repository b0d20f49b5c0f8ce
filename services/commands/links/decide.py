"""Decides linking, unlinking and deleting of linked people: the events on both sides (fact sheet §9, design
D16)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from projections.profile.changes.links import links_of, merged_into
from projections.profile.identities import identity_key
from projections.profile.marks import TOKENS
from projections.profile.profile_data import supplied, supplied_marks
from projections.profile.state import OWN_KEYS, Profile
from schemas.events import (
    IdentityLinked,
    IdentityLinkedData,
    IdentityUnlinked,
    IdentityUnlinkedData,
    LinkMeans,
    UserDeleted,
    UserDeletedData,
    UserMerged,
    UserMergedData,
    UserRestored,
    UserRestoredData,
)
from schemas.formats.exact_json import same
from services.commands.decision import Draft
from services.commands.user_rejections import NO_SUCH_USER
from services.ledger.reservations import Reservation
from services.runtime.rejection import Rejection, invalid

IDENTITY_EXISTS: Final = Rejection("conflict", "Specified identity already exists.", "identity_conflict")
SAME_IDENTITY: Final = invalid("Main identity and the new one are the same.")
NOT_CONFIGURED: Final = invalid("The provider or connection of the secondary account is not configured.")
IDENTITIES_BUSY: Final = Rejection(
    "conflict", "The identities of the user are being changed. Please try again."
)
MAIN_STAYS: Final = invalid("Main identity cannot be removed.")
NO_SUCH_IDENTITY: Final = invalid("The specified identity does not belong to the user.")
NEEDS_CONNECTION: Final = invalid("Linking to an inexistent identity requires a connection.")
INEXISTENT: Final = invalid("Linking to an inexistent identity is not allowed.")
UNABLE: Final = invalid("Unable to link with the secondary account.")
NOT_FOUND: Final = invalid("Provided secondary account not found.")


@dataclass(frozen=True, slots=True)
class Participant:
    """A user who is linked, unlinked or deleted by a command, as the view shows them."""

    subject: str
    profile: Profile

    @property
    def primary_identity(self) -> Mapping[str, Any]:
        """The primary identity of a person with a document."""
        found: Mapping[str, Any] = (self.profile.document or {})["identities"][0]
        return found


@dataclass(frozen=True, slots=True)
class Steps:
    """Events, each with its owner, in the order in which they must take effect. `undo` reverts the first one
    if a later one is refused. `reservations` are of the event with the index `draft`, for its subject."""

    events: tuple[tuple[str, Draft], ...]
    undo: tuple[str, Draft] | None = None
    reservations: tuple[Reservation, ...] = ()


def link_rejection(primary: Participant | None, secondary: Participant | None) -> Rejection | None:
    """Return why the second person cannot be linked to the first; None if it can."""
    if primary is None or primary.profile.document is None:
        return NO_SUCH_USER
    if secondary is None:
        return NOT_FOUND
    if secondary.subject == primary.subject:
        return SAME_IDENTITY
    if merged_into(secondary.profile) is not None:
        return IDENTITY_EXISTS
    if secondary.profile.document is None:
        return NOT_FOUND
    if len(secondary.profile.document["identities"]) > 1:
        return UNABLE
    identity = secondary.primary_identity
    if shows(primary.profile, identity["provider"], identity["user_id"]):
        return IDENTITY_EXISTS
    return None


def shows(profile: Profile, provider: str, idp_id: str | int) -> bool:
    """Whether the profile has this identity."""
    wanted = identity_key(provider, idp_id)
    identities = (profile.document or {}).get("identities", ())
    return any(identity_key(one["provider"], one["user_id"]) == wanted for one in identities)


def link(primary: Participant, secondary: Participant, means: LinkMeans) -> Steps:
    """Link the secondary. The primary gets the identity before the secondary relays its first login."""
    identity = secondary.primary_identity
    place = {name: identity[name] for name in ("connection", "provider")}
    data = IdentityLinkedData(
        **place,
        idp_id=identity["user_id"],
        is_social=identity["isSocial"],
        secondary=secondary.subject,
        means=means,
        profile_data=own_profile_data(secondary.profile),
        marks=_marks_of_root(secondary.profile, identity),
        tokens=_tokens(secondary.profile, identity),
    )
    back = IdentityUnlinkedData(**place, idp_id=identity["user_id"], secondary=secondary.subject)
    return Steps(
        (
            (primary.subject, Draft(IdentityLinked, data)),
            (secondary.subject, Draft(UserMerged, UserMergedData(into=primary.subject))),
        ),
        (primary.subject, Draft(IdentityUnlinked, back)),
    )


def linked_subject(primary: Profile, provider: str, idp_id: str) -> str | Rejection:
    """Return the subject of a linked identity that is to be unlinked, or a rejection."""
    document = primary.document
    if document is None:
        return NO_SUCH_USER
    main = document["identities"][0]
    if identity_key(main["provider"], main["user_id"]) == identity_key(provider, idp_id):
        return MAIN_STAYS
    found = links_of(primary).get(identity_key(provider, idp_id))
    return NO_SUCH_IDENTITY if found is None else found["subject"]


def unlink(primary: Participant, secondary: Participant, provider: str, idp_id: str) -> Steps:
    """Unlink an identity. Its subject stops relaying its logins before the primary loses the identity."""
    identity = next(
        one
        for one in (primary.profile.document or {})["identities"]
        if identity_key(one["provider"], one["user_id"]) == identity_key(provider, idp_id)
    )
    kept = secondary.profile.associations.get("merged", {}).get("document", {})
    values, removed = _since(kept, identity.get("profileData", {}))
    back = UserRestoredData(
        parted_from=primary.subject,
        values=values,
        removed=removed,
        marks=_marks_of_linked(primary.profile, identity, removed),
        tokens=_tokens(primary.profile, identity),
        password_hash=primary.profile.secrets.get("passwords", {}).get(identity_key(provider, idp_id)),
    )
    gone = IdentityUnlinkedData(
        connection=identity["connection"],
        provider=identity["provider"],
        idp_id=identity["user_id"],
        secondary=secondary.subject,
    )
    return Steps(
        (
            (secondary.subject, Draft(UserRestored, back)),
            (primary.subject, Draft(IdentityUnlinked, gone)),
        )
    )


def delete(primary: Participant, known: Collection[str]) -> Steps:
    """Delete a person. The `known` linked secondaries are deleted first; a later login of theirs creates a
    new user."""
    linked = linked_subjects(primary.profile)
    draft = Draft(UserDeleted, UserDeletedData(together_with=primary.subject if linked else None))
    others = [subject for subject in linked if subject in known]
    return Steps(tuple((subject, draft) for subject in (*others, primary.subject)))


def linked_subjects(profile: Profile) -> list[str]:
    """Return the subjects of all linked identities of this person."""
    return sorted(link["subject"] for link in links_of(profile).values())


def own_profile_data(profile: Profile) -> dict[str, Any]:
    """Return the profile data of the person's primary identity."""
    return {} if profile.document is None else supplied(profile.document, profile.memory.provenance)


def identities_with_data(profile: Profile) -> list[dict[str, Any]]:
    """Return all identities as responses of linking show them, each with its profile data first."""
    if profile.document is None:
        return []
    main, *others = profile.document["identities"]
    return [
        {"profileData": own_profile_data(profile), **main},
        *({"profileData": one.get("profileData", {}), **one} for one in others),
    ]


def _marks_of_root(profile: Profile, identity: Mapping[str, Any]) -> dict[str, str]:
    """Return the marks of the events that determined the profile data of the primary identity."""
    found = {} if profile.document is None else supplied_marks(profile.document, profile.memory)
    return found | _token_mark(profile, identity)


def _marks_of_linked(
    profile: Profile, identity: Mapping[str, Any], removed: Collection[str]
) -> dict[str, str]:
    """Return the marks of the events that determined the profile data of a linked identity; removed
    attributes have that of its latest login."""
    found = dict(profile.memory.linked.get(identity_key(identity["provider"], identity["user_id"]), {}))
    gone = dict.fromkeys(removed, found[""]) if "" in found else {}
    return found | gone | _token_mark(profile, identity)


def _token_mark(profile: Profile, identity: Mapping[str, Any]) -> dict[str, str]:
    mark = profile.memory.marks.get(TOKENS + identity_key(identity["provider"], identity["user_id"]))
    return {} if mark is None else {TOKENS: mark}


def _tokens(profile: Profile, identity: Mapping[str, Any]) -> dict[str, Any] | None:
    key = identity_key(identity["provider"], identity["user_id"])
    found: dict[str, Any] | None = profile.secrets.get("tokens", {}).get(key)
    return found


def _since(kept: Mapping[str, Any], seen: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the values that logins and edits of an identity have set since its profile was merged, and the
    removed leftovers."""
    values = {name: value for name, value in seen.items() if name not in kept or not same(kept[name], value)}
    return values, tuple(sorted(kept.keys() - OWN_KEYS - seen.keys()))
