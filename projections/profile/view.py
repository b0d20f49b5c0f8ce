"""The view of profiles: one row per person. It decides which of a person's events take effect."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, get_args

from projections.fold_view import Change, DecidingView, Keys, Owner, Verdict, Write, WriteBatch, with_rows
from projections.profile.changes.edits import place_of
from projections.profile.changes.links import forwarded_to, owner_of
from projections.profile.fold import fold
from projections.profile.row import profile_of, profile_row
from projections.profile.sealed import UserKey
from projections.profile.state import NO_PROFILE, Profile
from projections.row import Row
from schemas.events import CommandData, PersonEvent, UserCreated, UserDeleted

_TYPES: Final = frozenset(model.model_fields["type"].default for model in get_args(PersonEvent))


class ProfileView(DecidingView[UserKey, Profile]):
    """Profiles by (tenant, subject)."""

    name = "profile"
    tables = ("profile",)
    read = None
    absent = NO_PROFILE

    def decides(self, event_type: str, is_person: bool) -> bool:
        """Return whether the event is about a person."""
        return is_person and event_type in _TYPES

    def key(self, event: PersonEvent) -> UserKey:
        """Return the user that the event is about."""
        return event.tenant, event.subject

    def fold(self, state: Profile, event: PersonEvent) -> Profile:
        """Return the profile after the event."""
        return fold(state, event)

    def verdict(self, before: Profile, after: Profile, event: PersonEvent) -> Verdict:
        """Return whether the event takes effect; every effective command advances the revision."""
        if after is before:
            return "duplicate"
        if forwarded_to(before, event) is not None:
            return "forwarded"
        return (
            "refused"
            if isinstance(event.data, CommandData) and after.revision == before.revision
            else "counts"
        )

    def released(self, before: Profile, after: Profile, event: PersonEvent) -> Collection[tuple[Owner, str]]:
        """Return the owners and connections whose unique values end: those of all identities if the person
        was deleted, otherwise of the identity in the event."""
        document = before.document or before.associations.get("merged", {}).get("document")
        identities: list[Mapping[str, Any]] = [] if document is None else document["identities"]
        if isinstance(event, UserCreated):
            return [(self.owner(event), event.data.connection)]
        if not isinstance(event, UserDeleted):
            place = place_of(document, getattr(event.data, "connection", None)) if document else None
            identities = [] if place is None else [identities[place]]
        return [
            ((event.tenant, owner_of(before, identity, event.subject)), identity["connection"])
            for identity in identities
        ]

    def states(self, rows: Iterable[Row], keys: Keys) -> dict[UserKey, Profile]:
        """Return the existing profiles; a row without a revision belongs to an owner without a profile."""
        users = ((row, (row["tenant"], row["owner"])) for row in rows if row["revision"] is not None)
        return {user: profile_of(row, user, keys.get(user)) for row, user in users}

    def writes(self, changes: Mapping[UserKey, Change[Profile]], keys: Keys) -> WriteBatch:
        """Return the statement that writes changed profiles."""
        rows = [profile_row(user, one.after, keys.get(user)) for user, one in changes.items()]
        return with_rows(Write("projections.profile", "write_people", rows))


PROFILE: Final = ProfileView()
