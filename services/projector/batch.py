"""The pure middle of the projector: events folded into what they leave behind."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar, assert_never, cast

from projections.applied import Applied, Logged
from projections.client.fold import Client
from projections.client.fold import fold as fold_client
from projections.client.row import ClientKey
from projections.connection.fold import Connection, Connections
from projections.connection.fold import fold as fold_connection
from projections.connection.fold import is_duplicate as is_duplicate_connection
from projections.profile.changes.access import held
from projections.profile.changes.edits import place_of
from projections.profile.changes.links import forwarded_to, owner_of
from projections.profile.fold import fold as fold_profile
from projections.profile.state import NOBODY, Memory, Profile
from projections.quarantined_login.fold import fold as fold_quarantined
from projections.search.leaf import Leaf, difference, leaves
from projections.search.row import ActivityRow, SearchRow, activity_row, same_row, same_search, search_row
from projections.setting.fold import KIND_OF, Setting
from projections.setting.fold import fold as fold_setting
from projections.setting.row import SettingKey
from schemas.events import (
    AttributesChanged,
    ClientConfigured,
    CommandData,
    ConnectionConfigured,
    DeviceCredentialCreated,
    DeviceCredentialRemoved,
    EmailChanged,
    Event,
    GrantRevoked,
    IdentityLinked,
    IdentityUnlinked,
    LoginBlockReleased,
    LoginFailed,
    LoginQuarantined,
    LoginSucceeded,
    MetadataChanged,
    MfaChanged,
    MfaEnrolled,
    MfaRemoved,
    OrganizationJoined,
    OrganizationLeft,
    PasswordChanged,
    PermissionsAssigned,
    PermissionsRemoved,
    PersonEvent,
    PhoneChanged,
    RecoveryCodeRegenerated,
    RefreshTokenChanged,
    RefreshTokenRevoked,
    RememberedBrowsersInvalidated,
    RiskAssessmentCleared,
    RolesAssigned,
    RolesRemoved,
    SessionChanged,
    SessionRevoked,
    SettingEvent,
    UserBlocked,
    UserCreated,
    UserDeleted,
    UserMerged,
    UserRestored,
    UserUnblocked,
)
from schemas.formats.identifiers import PERSON
from services.projector.event_views import Write
from services.projector.login_guard_store import Guards

Person = tuple[str, str]
"""(tenant, subject)"""
Key = TypeVar("Key")
Row = TypeVar("Row")
ClaimKind = Literal["email", "phone_number", "username", "user_id", "connection", "name"]
_NOTHING_TOLD: Final = Memory()
PERSONAL: Final[tuple[ClaimKind, ...]] = ("email", "phone_number", "username", "user_id")


@dataclass(frozen=True, slots=True)
class Change:
    """A person before and after a batch."""

    before: Profile
    after: Profile

    def search(self) -> SearchRow | None:
        """The search row to write, None when it stays as it is."""
        before, after = self.before.document, self.after.document
        if after is None or (before is not None and same_row(before, after)):
            return None
        return search_row(after)

    def leaves(self) -> tuple[tuple[Leaf, ...], tuple[Leaf, ...]]:
        """The leaves to remove and those to add; who vanishes loses all of them anyway."""
        before, after = self.before.document, self.after.document
        old, new = held(self.before, "organizations"), held(self.after, "organizations")
        if after is None or (before is not None and old.keys() == new.keys() and same_search(before, after)):
            return (), ()
        return difference(() if before is None else leaves(before, old), leaves(after, new))

    def activity(self) -> ActivityRow | None:
        """The activity row to write, None when it stays as it is."""
        before, after = self.before.document, self.after.document
        if after is None:
            return None
        row = activity_row(after)
        return None if before is not None and activity_row(before) == row else row

    def vanished(self) -> bool:
        """Whether the person leaves the searches."""
        return self.before.document is not None and self.after.document is None


@dataclass(slots=True)
class Claims:
    """What becomes of uniqueness claims (design D6): confirmed or dropped by event id; released by owner,
    kind and connection, but for the claim of the last event that set it."""

    confirmed: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    released: dict[tuple[Person, ClaimKind, str], str] = field(default_factory=dict)
    settled: set[Person] = field(default_factory=set)
    intertwined: bool = False
    """Whether an owner had several events confirmed: what the first one confirmed may be given up here."""

    def confirm(self, event_id: str, owners: Collection[Person]) -> None:
        """An event counted that is about claims of these owners."""
        self.confirmed.append(event_id)
        self.intertwined |= not self.settled.isdisjoint(owners)
        self.settled.update(owners)


@dataclass(slots=True)
class Views:
    """What a batch starts from and, folded, what it leaves."""

    people: dict[Person, Profile] = field(default_factory=dict)
    connections: dict[str, Connections] = field(default_factory=dict)
    settings: dict[SettingKey, Setting] = field(default_factory=dict)
    guards: Guards = field(default_factory=Guards)
    clients: dict[ClientKey, Client] = field(default_factory=dict)
    quarantined: dict[str, Memory] = field(default_factory=dict)
    """By tenant: what is remembered of its quarantined logins."""

    def over(self, stored: "Views", people: Iterable[Person]) -> "Views":
        """What was read, with what is known better since the reading began."""
        newer = {person: self.people[person] for person in people if person in self.people}
        return Views(
            stored.people | newer,
            stored.connections | self.connections,
            stored.settings | self.settings,
            self.guards.over(stored.guards),
            stored.clients | self.clients,
            stored.quarantined | self.quarantined,
        )

    def take(self, newer: "Views") -> None:
        """Knows better from now on."""
        self.people |= newer.people
        self.connections |= newer.connections
        self.settings |= newer.settings
        self.guards.take(newer.guards)
        self.clients |= newer.clients
        self.quarantined |= newer.quarantined


@dataclass(frozen=True, slots=True)
class Outcome:
    """What changed, and everything as it is now; `applied` are the events that counted, in their order."""

    now: Views
    people: Mapping[Person, Change]
    connections: tuple[tuple[str, Connection], ...]
    clients: Mapping[ClientKey, Client]
    settings: Mapping[SettingKey, Setting]
    quarantined: Mapping[str, Memory]
    guards: tuple[Write, ...]
    claims: Claims
    applied: tuple[Applied, ...]
    relays: tuple[tuple[Logged, str], ...] = ()
    """Events that another subject takes, each with that subject."""


def fold_batch(views: Views, batch: Iterable[Logged]) -> Outcome:
    """The changes a batch brings to these views; people without a row start as nobody."""
    guards = Guards().over(views.guards)
    people, connections = dict(views.people), dict(views.connections)
    settings, clients, quarantined = dict(views.settings), dict(views.clients), dict(views.quarantined)
    fresh_claims = Claims()
    all_applied: list[Applied] = []
    relays: list[tuple[Logged, str]] = []
    for logged in batch:
        event = logged.event
        claims = Claims() if logged.replayed else fresh_claims
        match event:
            case ConnectionConfigured():
                before_all = connections.get(event.tenant, {})
                if is_duplicate_connection(before_all, event):
                    continue
                connections[event.tenant] = fold_connection(before_all, event)
                applied = connections[event.tenant] is not before_all
                owner = event.tenant, event.data.connection_id
                if applied:
                    claims.confirm(event.id, (owner,))
                else:
                    claims.dropped.append(event.id)
                if applied and event.data.deleted:
                    claims.released[owner, "connection", event.data.connection] = event.id
                all_applied.append(Applied(logged, refused=not applied))
            case ClientConfigured():
                client = event.tenant, event.data.client_id
                known = clients.get(client)
                configured = fold_client(known, event)
                if configured is not None:
                    clients[client] = configured
                all_applied.append(Applied(logged, refused=configured is known))
            case LoginQuarantined():
                told = quarantined.get(event.tenant, _NOTHING_TOLD)
                quarantined[event.tenant] = fold_quarantined(told, event)
                if quarantined[event.tenant] is not told:
                    all_applied.append(Applied(logged))
            case _ if type(event) in KIND_OF:
                all_applied.append(_set(settings, claims, logged, cast(SettingEvent, event)))
            case _ if event.subject.startswith(PERSON):
                person_event = cast(PersonEvent, event)
                person = event.tenant, event.subject
                before = people.get(person, NOBODY)
                after = people[person] = fold_profile(before, person_event)
                if after is before:
                    continue
                if (target := forwarded_to(before, person_event)) is not None:
                    relays.append((logged, target))
                else:
                    _settle(claims, person_event, before, after)
                    all_applied.append(Applied(logged, before, after, _turned_down(event, before, after)))
            case _ if guards.is_new(logged):
                all_applied.append(Applied(logged))
    _settle_commands(fresh_claims, all_applied)
    for counted in all_applied:
        guards.follow(counted)
    return Outcome(
        now=Views(people, connections, settings, guards, clients, quarantined),
        people=_changed_people(views, people),
        connections=_changed_connections(views, connections),
        clients=_changed(views.clients, clients),
        settings=_changed(views.settings, settings),
        quarantined=_changed(views.quarantined, quarantined),
        guards=tuple(guards.writes(views.guards)),
        claims=fresh_claims,
        applied=tuple(all_applied),
        relays=tuple(relays),
    )


def _set(settings: dict[SettingKey, Setting], claims: Claims, logged: Logged, event: SettingEvent) -> Applied:
    key: SettingKey = event.tenant, KIND_OF[type(event)], event.data.setting_id
    before = settings.get(key)
    after = fold_setting(before, event)
    if after is None or after is before:
        claims.dropped.append(event.id)
        return Applied(logged, refused=True)
    settings[key] = after
    owner = event.tenant, after.id
    claims.confirm(event.id, (owner,))
    if after.deleted or (before is not None and before.name != after.name):
        claims.released[owner, "name", after.kind] = event.id
    return Applied(logged)


def _settle_commands(claims: Claims, all_applied: Iterable[Applied]) -> None:
    """Confirm or drop by event id whatever a command may have claimed, such as the result of its request."""
    known = {*claims.confirmed, *claims.dropped}
    for one in all_applied:
        event = one.logged.event
        if one.logged.replayed or event.id in known or not isinstance(event.data, CommandData):
            continue
        (claims.dropped if one.refused else claims.confirmed).append(event.id)


def _turned_down(event: Event, before: Profile, after: Profile) -> bool:
    """Whether a command came to nothing: every one that takes effect makes a revision."""
    return isinstance(event.data, CommandData) and after.revision == before.revision


def _settle(claims: Claims, event: PersonEvent, before: Profile, after: Profile) -> None:
    kinds: tuple[ClaimKind, ...]
    match event:
        case UserCreated() | UserDeleted():
            kinds = PERSONAL
        case EmailChanged():
            kinds = ("email",)
        case PhoneChanged():
            kinds = ("phone_number",)
        case AttributesChanged():
            if "username" not in (*event.data.changed, *event.data.removed):
                return
            kinds = ("username",)
        case (
            LoginSucceeded()
            | LoginFailed()
            | MetadataChanged()
            | PasswordChanged()
            | UserBlocked()
            | UserUnblocked()
            | RolesAssigned()
            | RolesRemoved()
            | PermissionsAssigned()
            | PermissionsRemoved()
            | OrganizationJoined()
            | OrganizationLeft()
            | LoginBlockReleased()
            | IdentityLinked()
            | IdentityUnlinked()
            | UserMerged()
            | UserRestored()
            | MfaEnrolled()
            | MfaRemoved()
            | MfaChanged()
            | RecoveryCodeRegenerated()
            | SessionRevoked()
            | SessionChanged()
            | RefreshTokenRevoked()
            | RefreshTokenChanged()
            | GrantRevoked()
            | DeviceCredentialCreated()
            | DeviceCredentialRemoved()
            | RememberedBrowsersInvalidated()
            | RiskAssessmentCleared()
        ):
            return
        case _:
            assert_never(event)
    if after.revision == before.revision:
        claims.dropped.append(event.id)
        return
    holders = _holders(event, before)
    claims.confirm(event.id, {(event.tenant, event.subject), *(owner for owner, _ in holders)})
    claims.released.update(
        ((owner, kind, connection), event.id) for owner, connection in holders for kind in kinds
    )


def _holders(event: PersonEvent, before: Profile) -> list[tuple[Person, str]]:
    """Who gives up values, and in which connections: all of a person who goes, else the identity's."""
    document = before.document or before.holdings.get("merged", {}).get("document")
    identities: list[Mapping[str, Any]] = [] if document is None else document["identities"]
    if isinstance(event, UserDeleted):
        places = identities
    elif isinstance(event, UserCreated):
        return [((event.tenant, event.subject), event.data.connection)]
    else:
        place = place_of(document, getattr(event.data, "connection", None)) if document else None
        places = [] if place is None else [identities[place]]
    return [
        ((event.tenant, owner_of(before, identity, event.subject)), identity["connection"])
        for identity in places
    ]


def _changed(before: Mapping[Key, Row], after: Mapping[Key, Row]) -> dict[Key, Row]:
    return {key: row for key, row in after.items() if row is not before.get(key)}


def _changed_people(views: Views, people: Mapping[Person, Profile]) -> dict[Person, Change]:
    return {
        person: Change(views.people.get(person, NOBODY), after)
        for person, after in people.items()
        if after is not views.people.get(person, NOBODY)
    }


def _changed_connections(
    views: Views, connections: Mapping[str, Connections]
) -> tuple[tuple[str, Connection], ...]:
    return tuple(
        (tenant, connection)
        for tenant, after in connections.items()
        for identity, connection in after.items()
        if views.connections.get(tenant, {}).get(identity) is not connection
    )
