"""The view of profiles: one row per person, which decides what becomes of a person's events."""

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
        """Return what became of the event: every command that takes effect makes a revision."""
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
        """Return whose values end: those of all identities of a person who goes, else of the identity that
        the event is about."""
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
        """Return the profiles there are; a row without a revision is of an owner who has none."""
        users = ((row, (row["tenant"], row["owner"])) for row in rows if row["revision"] is not None)
        return {user: profile_of(row, user, keys.get(user)) for row, user in users}

    def writes(self, changes: Mapping[UserKey, Change[Profile]], keys: Keys) -> WriteBatch:
        """Return the statement that puts changed profiles in place."""
        rows = [profile_row(user, one.after, keys.get(user)) for user, one in changes.items()]
        return with_rows(Write("projections.profile", "write_people", rows))


PROFILE: Final = ProfileView()
