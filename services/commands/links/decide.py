"""Linking, unlinking and deleting together: what each comes to, on both sides (fact sheet §9, design D16)."""

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
        """The identity a living person is known by."""
        found: Mapping[str, Any] = (self.profile.document or {})["identities"][0]
        return found


@dataclass(frozen=True, slots=True)
class Steps:
    """Events in the order in which they must have their effect, each with whose it is; `undo` takes the first
    one back when a later one is refused."""

    events: tuple[tuple[str, Draft], ...]
    undo: tuple[str, Draft] | None = None


def link_rejection(primary: Participant | None, secondary: Participant | None) -> Rejection | None:
    """Why the second cannot be linked to the first, both as they are now."""
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
    """Whether an identity is among a person's own."""
    wanted = identity_key(provider, idp_id)
    identities = (profile.document or {}).get("identities", ())
    return any(identity_key(one["provider"], one["user_id"]) == wanted for one in identities)


def link(primary: Participant, secondary: Participant, means: LinkMeans) -> Steps:
    """The primary takes the identity before its own subject hands on anything."""
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
    """Whose identity it is that a person wants to be rid of."""
    document = primary.document
    if document is None:
        return NO_SUCH_USER
    main = document["identities"][0]
    if identity_key(main["provider"], main["user_id"]) == identity_key(provider, idp_id):
        return MAIN_STAYS
    found = links_of(primary).get(identity_key(provider, idp_id))
    return NO_SUCH_IDENTITY if found is None else found["subject"]


def unlink(primary: Participant, secondary: Participant, provider: str, idp_id: str) -> Steps:
    """The identity's own subject keeps its logins before the primary lets go."""
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
    """Those whose identities are linked go first, as far as they are known: a login of theirs then makes
    somebody new."""
    linked = linked_subjects(primary.profile)
    draft = Draft(UserDeleted, UserDeletedData(together_with=primary.subject if linked else None))
    others = [subject for subject in linked if subject in known]
    return Steps(tuple((subject, draft) for subject in (*others, primary.subject)))


def linked_subjects(profile: Profile) -> list[str]:
    """Everybody whose identity this person shows."""
    return sorted(link["subject"] for link in links_of(profile).values())


def own_profile_data(profile: Profile) -> dict[str, Any]:
    """What the person's primary identity brings along."""
    return {} if profile.document is None else supplied(profile.document, profile.memory.provenance)


def identities_with_data(profile: Profile) -> list[dict[str, Any]]:
    """All identities as linking answers them: each with its profile data, which comes first."""
    if profile.document is None:
        return []
    main, *others = profile.document["identities"]
    return [
        {"profileData": own_profile_data(profile), **main},
        *({"profileData": one.get("profileData", {}), **one} for one in others),
    ]


def _marks_of_root(profile: Profile, identity: Mapping[str, Any]) -> dict[str, str]:
    """Which events gave what a person's primary identity brings along."""
    found = {} if profile.document is None else supplied_marks(profile.document, profile.memory)
    return found | _token_mark(profile, identity)


def _marks_of_linked(
    profile: Profile, identity: Mapping[str, Any], removed: Collection[str]
) -> dict[str, str]:
    """Which events gave the profile data of a linked identity; its latest login took away what is gone."""
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
    """What logins and edits of an identity brought since its profile was put by; only leftovers can go."""
    values = {name: value for name, value in seen.items() if name not in kept or not same(kept[name], value)}
    return values, tuple(sorted(kept.keys() - OWN_KEYS - seen.keys()))
