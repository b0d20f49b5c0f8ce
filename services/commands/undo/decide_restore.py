"""What restoring a deleted user comes to: who comes back, and which values they need again (design D11)."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from projections.connection.fold import ConnectionState
from projections.profile.changes.deletions import set_aside_by_deletion
from projections.profile.changes.links import merged_into
from projections.profile.identities import identity_key
from projections.profile.state import Profile
from schemas.events import UserUndeleted, UserUndeletedData
from schemas.formats.instants import parse
from schemas.reservation import ReservationKind
from services.commands.decision import Draft
from services.commands.links.decide import Participant, Steps
from services.commands.user_rejections import NO_SUCH_USER
from services.commands.users.sources import Kind, kind_of
from services.ledger.reservations import Reservation
from services.runtime.rejection import Rejection

NOT_DELETED: Final = Rejection("conflict", "The user exists and is not deleted.", "not_deleted")
NOTHING_KEPT: Final = Rejection(
    "gone", "The user was erased: nothing is left that could be restored.", "restore_expired"
)
IDENTITY_OF_ANOTHER: Final = Rejection(
    "conflict",
    "The account was deleted as a linked identity of another user. Restore that user.",
    "linked_identity",
)
IDENTITY_LIVES: Final = Rejection(
    "conflict",
    "A linked identity of the user has signed in again and is a user of its own. Delete that user first.",
    "identity_conflict",
)
RESTORE_BUSY: Final = Rejection("conflict", "The user is being changed by others. Please try again.")
TAKEN_MEANWHILE: Final[Mapping[str, Rejection]] = {
    "email": Rejection(
        "conflict", "Another user of the connection has the user's email address by now.", "email_taken"
    ),
    "username": Rejection(
        "conflict", "Another user of the connection has the user's username by now.", "username_taken"
    ),
    "phone_number": Rejection(
        "conflict", "Another user of the connection has the user's phone number by now.", "phone_number_taken"
    ),
}
_UNIQUE: Final[Mapping[Kind, tuple[ReservationKind, ...]]] = {
    "store": ("email", "username", "phone_number"),
    "email": ("email",),
    "sms": ("phone_number",),
}
"""Kind of connection -> attributes that no two of its users share."""


@dataclass(frozen=True, slots=True)
class GracePeriod:
    """For how many days after a deletion a tenant's users can be restored, and what time it is."""

    days: int
    now: datetime

    def is_over(self, deleted_at: str) -> bool:
        """Return whether a user who was deleted at this time can no longer be restored."""
        return self.now - parse(deleted_at) >= timedelta(days=self.days)


def restore_rejection(profile: Profile | None, subject: str, grace: GracePeriod) -> Rejection | None:
    """Return why this user cannot be restored, None if it can."""
    if profile is None:
        return NO_SUCH_USER
    if profile.document is not None:
        return NOT_DELETED
    if merged_into(profile) is not None or profile.memory.deleted_at is None:
        return NO_SUCH_USER
    if grace.is_over(profile.memory.deleted_at):
        return _too_late(grace.days)
    kept = set_aside_by_deletion(profile)
    if kept is None:
        return NOTHING_KEPT
    return None if kept["group"] in (None, subject) else IDENTITY_OF_ANOTHER


def linked_when_deleted(profile: Profile) -> list[str]:
    """Return the subjects whose identities a deleted user showed."""
    kept = set_aside_by_deletion(profile)
    links: Mapping[str, Any] = {} if kept is None else kept["associations"].get("linked", {})
    return sorted(link["subject"] for link in links.values())


def connections_of(profile: Profile) -> set[str]:
    """Return the connections of the identities that a deleted user had."""
    return {identity["connection"] for identity, _, _ in _identities(profile)}


def decide_restore(
    primary: Participant, others: Collection[Participant], connections: Mapping[str, ConnectionState]
) -> Steps | Rejection:
    """Return the events that bring a user back, and those whose identities it showed.

    The primary comes first: a login of another identity in between makes a user of its own, so that no login
    is lost. `connections` are those of `connections_of` that exist, by name.
    """
    kept = set_aside_by_deletion(primary.profile)
    if kept is None:
        return RESTORE_BUSY
    for other in others:
        set_aside = set_aside_by_deletion(other.profile)
        if set_aside is None or set_aside["command"] != kept["command"]:
            return IDENTITY_LIVES
    subjects = [primary.subject, *(other.subject for other in others)]
    revisions = [primary.profile.revision, *(other.profile.revision for other in others)]
    events = tuple(
        (
            subject,
            Draft(UserUndeleted, UserUndeletedData(deletion=kept["command"], expected_revision=revision)),
        )
        for subject, revision in zip(subjects, revisions, strict=True)
    )
    return Steps(events, reservations=tuple(_reservations(primary, subjects, connections)))


def _reservations(
    primary: Participant, subjects: list[str], connections: Mapping[str, ConnectionState]
) -> Iterator[Reservation]:
    """The values of a linked identity are those of its own subject."""
    for identity, shown, linked in _identities(primary.profile):
        connection, owner = connections.get(identity["connection"]), linked or primary.subject
        if connection is None or owner not in subjects:
            continue
        for name in _UNIQUE.get(kind_of(connection), ()):
            if isinstance(value := shown.get(name), str):
                value = value.lower() if name == "email" else value
                yield Reservation(connection.name, name, value, subjects.index(owner))


def _identities(
    profile: Profile,
) -> Iterable[tuple[Mapping[str, Any], Mapping[str, Any], str | None]]:
    """Each identity that a deleted user had, with its attributes and with whose it is; None for the user's
    own."""
    kept = set_aside_by_deletion(profile)
    if kept is None or kept["document"] is None:
        return
    links: Mapping[str, Any] = kept["associations"].get("linked", {})
    for place, identity in enumerate(kept["document"]["identities"]):
        link = links.get(identity_key(identity["provider"], identity["user_id"]))
        shown = kept["document"] if place == 0 else identity.get("profileData", {})
        yield identity, shown, None if link is None else link["subject"]


def _too_late(days: int) -> Rejection:
    message = f"The user was deleted more than {days} days ago and can no longer be restored."
    return Rejection("gone", message, "restore_expired")
