"""What a batch writes to each view, and that what is written is read back as it was."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from projections.applied import Applied, EventView
from projections.batch.fold import Folded, fold_batch
from projections.batch.views import Views
from projections.client.fold import ClientState
from projections.client.view import CLIENT
from projections.connection.view import CONNECTION
from projections.daily.view import DAILY
from projections.fold_view import FoldView
from projections.linked_identity.view import LINKED_IDENTITY
from projections.log_entry.view import LOG_ENTRY
from projections.login_guard.addresses import Address
from projections.login_guard.attempts import Attempts, Tally
from projections.login_guard.view import IP_GUARD, LOGIN_GUARD
from projections.membership.view import MEMBERSHIP
from projections.population.view import POPULATION
from projections.profile.state import NO_PROFILE
from projections.profile.view import PROFILE
from projections.search.view import SEARCH
from projections.session.view import SESSION
from projections.setting.view import SETTING
from schemas.events import (
    ClientConfigured,
    ClientConfiguredData,
    ConnectionConfigured,
    ConnectionConfiguredData,
    IpUnblocked,
    IpUnblockedData,
    LoginBlockReleased,
    LoginBlockReleasedData,
    LoginFailed,
    LoginFailedData,
    OrganizationData,
    OrganizationJoined,
    OrganizationLeft,
    PasswordChanged,
    PasswordChangedData,
    RoleDefined,
    RoleRemoved,
    RolesAssigned,
    RolesData,
    RolesRemoved,
    SettingData,
    TenantConfigured,
    UserDeleted,
)
from schemas.formats import exact_json
from schemas.formats.identifiers import tenant_subject
from schemas.formats.instants import milliseconds
from schemas.sealing.keys import SubjectKeys
from tests.samples.profile_events import START, SUBJECT, creation, edit, event, flag, login, on_the_log

TENANT = "demo"
ME = (TENANT, SUBJECT)
ANONYMOUS = f"anon_{1:032x}"
KEYS = SubjectKeys(1, b"p" * 32, b"a" * 32)
OWNERS = {ME: KEYS, (TENANT, tenant_subject(TENANT)): KEYS}


def folded(events: Iterable[Any], views: Views | None = None) -> Folded:
    return fold_batch(views or Views(), on_the_log(events))


def written(view: FoldView[Any, Any], *events: Any, views: Views | None = None) -> dict[str, Sequence[Any]]:
    """Rows by query, of what changed in this view."""
    changes = folded(events, views).changes(view)
    return {write.query: write.rows for write in view.writes(changes, OWNERS)}


def followed(view: EventView, *events: Any, views: Views | None = None) -> list[dict[str, Sequence[Any]]]:
    """The batches of statements, each as rows by query."""
    return [
        {write.query: write.rows for write in batch} for batch in view.writes(folded(events, views).applied)
    ]


def read_back(view: FoldView[Any, Any], query: str, names: str, *events: Any) -> tuple[Any, Any]:
    """The states after the events, and as they are read from the rows that they are written to."""
    outcome = folded(events)
    changes = outcome.changes(view)
    rows = {write.query: write.rows for write in view.writes(changes, OWNERS)}[query]
    named = [dict(zip(names.split(), row, strict=True)) for row in rows]
    return outcome.now.of(view), view.states([_as_read(row) for row in named], OWNERS)


def _as_read(row: dict[str, Any]) -> dict[str, Any]:
    """Columns as the database returns them."""
    read = dict(row)
    for name, value in row.items():
        if name in ("times", "scopes"):
            read[name] = exact_json.loads("[" + value.strip("{}") + "]")
        elif name.endswith("_at") and isinstance(value, str):
            read[name] = datetime.fromisoformat(value)
    return read


def configured(model: Any, data: Any, minute: int = 0, **changes: Any) -> Any:
    return event(model, data, minute, subject=tenant_subject(TENANT), **changes)


def role(
    name: str | None = "Reader", setting_id: str = "rol_1", model: Any = RoleDefined, **changes: Any
) -> Any:
    return configured(model, SettingData(setting_id=setting_id, name=name, **changes))


def connection(name: str = "db", **changes: Any) -> Any:
    given: dict[str, Any] = {"connection_id": f"con_{name}", "connection": name, "strategy": "auth0"}
    return configured(ConnectionConfigured, ConnectionConfiguredData(**{**given, **changes}))


def client(client_id: str = "app", **changes: Any) -> Any:
    data = ClientConfiguredData(client_id=client_id, name="App", **changes)
    return configured(ClientConfigured, data)


def password(connection_name: str) -> Any:
    return event(PasswordChanged, PasswordChangedData(connection=connection_name, password_hash="h"))


def failure(subject: str = SUBJECT, minute: int = 0, **changes: Any) -> Any:
    given = {"connection": "users", "strategy": "auth0", "reason": "wrong_password", "identifier": "joe"}
    data = LoginFailedData(**{"ip": "192.0.2.1", **given, **changes})
    return event(LoginFailed, data, minute, subject=subject)


def test_profiles() -> None:
    """A profile is read back as it was written; an owner without a revision has none."""
    names = "tenant owner user_id revision document memory secrets associations"
    events = [creation(password_hash="$h$"), edit(name="Joe")]
    states, read = read_back(PROFILE, "write_people", names, *events)
    assert read.keys() == states.keys() == {ME}
    assert {**read[ME].secrets} == {"password_hash": "$h$"}
    assert read[ME]._replace(secrets={}) == states[ME]._replace(secrets={})
    assert PROFILE.states([{"tenant": TENANT, "owner": SUBJECT, "revision": None}], OWNERS) == {}
    assert written(PROFILE, login(), views=folded([login(1), flag(UserDeleted)]).now).keys() == {
        "write_people"
    }


def test_settings() -> None:
    """A setting is read back; what was refused is not written."""
    names = (
        "tenant kind id name revision document event_id created_at updated_at deleted"
        " default_picture log_retention_days"
    )
    states, read = read_back(
        SETTING, "write_settings", names, role(settings={"a": 1}), role(setting_id="rol_2")
    )
    assert read == states
    assert written(SETTING, role(expected_revision=3)) == {}
    own = configured(TenantConfigured, SettingData(setting_id="tenant", settings={"log_retention_days": 30}))
    (row,) = written(SETTING, own)["write_settings"]
    assert row[-2:] == (None, 30)


def test_connections() -> None:
    """All connections of a tenant are one state; only changed ones are written."""
    names = "tenant id name strategy revision document maps_identity event_id deleted"
    states, read = read_back(CONNECTION, "write_connections", names, connection("a"), connection("b"))
    assert read == states
    first = folded([connection("a"), connection("b")]).now
    rows = written(CONNECTION, connection("b", settings={"display_name": "B"}), views=first)
    assert [row[1] for row in rows["write_connections"]] == ["con_b"]
    assert written(CONNECTION, connection("a", expected_revision=0), views=first) == {}


def test_clients() -> None:
    """A client is read back, its scopes too."""
    names = "tenant client_id name secret_hash scopes event_id deleted revision settings"
    events = [client(scopes=("read:users", "read:roles"), settings={"a": 1}), client("other")]
    states, read = read_back(CLIENT, "write_clients", names, *events)
    assert read == states
    known = read[TENANT, "app"]
    assert isinstance(known, ClientState)
    assert known.scopes == ("read:users", "read:roles")
    assert written(CLIENT, client(expected_revision=3)) == {}


def test_failures() -> None:
    """Of a person and of an anonymous subject; a success deletes the rows of what counts no more."""
    names = "tenant subject connection identifier failures last_failed ips memory"
    states, read = read_back(LOGIN_GUARD, "write_guards", names, creation(), failure(), failure(ANONYMOUS))
    assert read == states
    before = folded([creation(), failure(), failure(identifier="ann", ip="192.0.2.2")]).now
    own = login(provider="auth0", idp_id="63d17c4a8869daf88ed7db97", ip="192.0.2.1")
    rows = written(LOGIN_GUARD, own, views=before)
    assert rows["delete_guards"] == [(*ME, "users", "joe")]
    assert [row[3] for row in rows["write_guards"]] == ["ann"]
    again = written(LOGIN_GUARD, failure(minute=1), views=before)
    assert [row[3:5] for row in again["write_guards"]] == [("joe", 2)]
    assert again.keys() == {"write_guards"}


def test_failures_of_an_address() -> None:
    """By partition; those who did not try do not count, and a release is kept."""
    names = "tenant ip partition times released_at"
    release = configured(IpUnblocked, IpUnblockedData(ip="192.0.2.1"), 5)
    other = failure(minute=1, reason="blocked")
    states, read = read_back(
        IP_GUARD, "write_addresses", names, failure(), failure(ANONYMOUS, 1), other, release
    )
    start = milliseconds(START)
    assert states == read == {
        (TENANT, "192.0.2.1", 0): Address((start, start + 60_000), start + 300_000)
    }  # fmt: skip
    assert written(IP_GUARD, failure(ip=None)) == {}


def test_what_a_batch_touches() -> None:
    """Failures are read of anonymous subjects and of people who have some; addresses of what failed."""
    batch = on_the_log([creation(), failure(), failure(ANONYMOUS, ip="192.0.2.9"), login(ip="192.0.2.8")])
    assert LOGIN_GUARD.touches(batch, ()) == {(TENANT, ANONYMOUS)}
    assert LOGIN_GUARD.touches(batch, [ME]) == {(TENANT, ANONYMOUS), ME}
    assert IP_GUARD.touches(batch, ()) == {(TENANT, "192.0.2.1", 0), (TENANT, "192.0.2.9", 0)}
    assert PROFILE.touches(batch, ()) == {ME}
    assert SETTING.touches(on_the_log([role(), creation()]), ()) == {(TENANT, "role", "rol_1")}
    assert CONNECTION.touches(on_the_log([connection(), role()]), ()) == {TENANT}
    assert CLIENT.touches(on_the_log([client(), role()]), ()) == {(TENANT, "app")}


def test_an_anonymous_failure_counts_once_and_is_released() -> None:
    """A release of the identifier leaves no failures."""
    one = failure(ANONYMOUS)
    now = folded([one, one]).now.of(LOGIN_GUARD)[TENANT, ANONYMOUS]
    assert now["users", "joe"].total == Tally(1, milliseconds(START))
    release = event(LoginBlockReleased, LoginBlockReleasedData(identifier="joe"), 1, subject=ANONYMOUS)
    after = folded([one, release]).now.of(LOGIN_GUARD)[TENANT, ANONYMOUS]
    assert after["users", "joe"]._replace(memory=NO_PROFILE.memory) == Attempts()


def test_memberships() -> None:
    """Roles and organizations, as they stand at the end of the batch."""
    given = event(RolesAssigned, RolesData(roles=("rol_1", "rol_2")), 1)
    taken = event(RolesRemoved, RolesData(roles=("rol_2",)), 2)
    joined = event(OrganizationJoined, OrganizationData(organization="org_1"), 3)
    (batch,) = followed(MEMBERSHIP, creation(), given, taken, joined)
    assert batch["write_memberships"] == [
        (TENANT, "role", "rol_1", SUBJECT, "2026-11-23T10:01:00.000Z"),
        (TENANT, "organization", "org_1", SUBJECT, "2026-11-23T10:03:00.000Z"),
    ]
    assert batch["delete_memberships"] == [(TENANT, "role", "rol_2", SUBJECT)]
    before = folded([creation(), given, joined]).now
    (gone,) = followed(MEMBERSHIP, flag(UserDeleted), views=before)
    assert gone == {
        "delete_memberships": [
            (TENANT, "role", "rol_1", SUBJECT),
            (TENANT, "role", "rol_2", SUBJECT),
            (TENANT, "organization", "org_1", SUBJECT),
        ]
    }
    left = event(OrganizationLeft, OrganizationData(organization="org_1"))
    assert followed(MEMBERSHIP, left, views=before) == [
        {"delete_memberships": [(TENANT, "organization", "org_1", SUBJECT)]}
    ]
    assert followed(MEMBERSHIP, edit(name="J"), views=before) == [{}]


def test_days() -> None:
    """Logins, signups and leaked passwords, and when the log heard of the first and the last."""
    leaked = failure(reason="breached_password", minute=2)
    (batch,) = followed(DAILY, login(), login(1), leaked, failure(minute=3), edit(name="J"))
    day = (TENANT, START.date(), 0)
    assert batch["add_to_days"] == [(*day, 2, 1, 1, START, START + timedelta(seconds=2))]
    back = followed(DAILY, login(), flag(UserDeleted), login(1), creation(2))
    assert back[0]["add_to_days"][0][3:5] == (2, 2)
    assert followed(DAILY, edit(name="J"), views=folded([creation()]).now) == [{}]


def test_population() -> None:
    """Who comes and goes in one batch counts nothing."""
    assert followed(POPULATION, login()) == [{"add_to_population": [(TENANT, 0, 1)]}]
    assert followed(POPULATION, login(), login(1)) == [{"add_to_population": [(TENANT, 0, 1)]}]
    assert followed(POPULATION, login(), flag(UserDeleted)) == [{}]
    there = folded([login()]).now
    assert followed(POPULATION, flag(UserDeleted), views=there) == [{"add_to_population": [(TENANT, 0, -1)]}]
    assert followed(POPULATION, role()) == [{}]


def test_linked_identities() -> None:
    """A person's rows go before those there are now; the first identity has none."""
    second = login(
        1, connection="db", provider="auth0", idp_id="7",
        attributes={"email": "JOE@x.com", "username": "joe", "phone_number": "+1"},
    )  # fmt: skip
    assert followed(LINKED_IDENTITY, login()) == [{}, {}]
    gone, there = followed(LINKED_IDENTITY, second, views=folded([login()]).now)
    assert gone == {"delete_linked": [ME]}
    assert there == {"write_linked": [(*ME, "auth0", "7", "db", "joe@x.com", "joe", "+1")]}
    both = folded([login(), second]).now
    assert followed(LINKED_IDENTITY, login(2), views=both) == [{}, {}]
    assert followed(LINKED_IDENTITY, flag(UserDeleted), views=both) == [{"delete_linked": [ME]}, {}]


def test_searches() -> None:
    """Rows and leaves that changed, once per batch; who vanishes loses all."""
    (first,) = followed(SEARCH, login(extras={"locale": "de"}), login(1, extras={"locale": "en"}))
    assert {query: len(rows) for query, rows in first.items()} == {
        "write_search": 1, "write_activity": 1, "write_leaves": len(first["write_leaves"]),
    }  # fmt: skip
    assert (*ME, "locale", "sen", True, True) in first["write_leaves"]
    there = folded([login(extras={"locale": "de"})]).now
    (moved,) = followed(SEARCH, login(2, extras={"locale": "de"}), views=there)
    assert moved.keys() == {"write_activity"}
    (changed,) = followed(SEARCH, login(2, extras={"locale": "en"}), views=there)
    assert changed.keys() == {"write_activity", "remove_leaves", "write_leaves"}
    assert changed["remove_leaves"] == [(*ME, "locale", "sde")]
    (named,) = followed(SEARCH, edit(2, name="J"), views=there)
    assert named.keys() == {"write_search", "write_activity"}
    (vanished,) = followed(SEARCH, flag(UserDeleted), views=there)
    assert vanished == {"delete_search": [ME], "delete_activity": [ME], "delete_leaves": [ME]}
    assert followed(SEARCH, role()) == [{}]
    assert followed(SEARCH, login(), flag(UserDeleted)) == [{}]


def test_an_organization_is_a_leaf() -> None:
    """Though the document does not show it."""
    joined = event(OrganizationJoined, OrganizationData(organization="org_1"))
    (batch,) = followed(SEARCH, joined, views=folded([creation()]).now)
    assert batch["write_leaves"] == [(*ME, "organization_id", "sorg_1", True, True)]


def test_sessions_and_log_entries_follow() -> None:
    """Each view writes its rows; a duplicate event writes none."""
    (stage,) = followed(SESSION, login(session_id="s"))
    assert stage.keys() == {"write_sessions"}
    (entries,) = followed(LOG_ENTRY, login())
    assert len(entries["write_log_entries"]) == 1
    again = login(id="0190a1b2-c3d4-7e5f-8a9b-0000000000aa")
    assert len(folded([again, again]).applied) == 1


@pytest.mark.parametrize(
    ("made", "refused"),
    [
        ([role(), role("Writer")], False),
        ([role(), role("Writer", expected_revision=7)], True),
        ([role(), role(model=RoleRemoved), role()], True),
        ([connection(), connection(deleted=True)], False),
        ([connection(), connection(deleted=True), connection()], True),
        ([client(), client(expected_revision=1)], False),
        ([client(), client(expected_revision=2)], True),
        ([creation(), flag(UserDeleted, expected=1)], False),
        ([creation(), flag(UserDeleted, expected=2)], True),
        (
            [creation(), event(PasswordChanged, PasswordChangedData(connection="gone", password_hash="h"))],
            True,
        ),
    ],
)
def test_a_refused_command_is_applied_as_one(made: list[Any], refused: bool) -> None:
    """It is no duplicate: it has a log entry, and nothing changes."""
    *_, last = folded(made).applied
    assert last.event is made[-1]
    assert last.refused is refused


@pytest.mark.parametrize("made", [role(), connection(), client(), creation(), login(), failure(ANONYMOUS)])
def test_an_event_that_is_there_already_is_not_applied(made: Any) -> None:
    """A duplicate is detected in its batch and in the next one."""
    assert len(folded([made, made]).applied) == 1
    first = folded([made])
    second = folded([made], first.now)
    assert second.applied == ()
    assert all(not second.changes(view) for view in (SETTING, CONNECTION, CLIENT, PROFILE, LOGIN_GUARD))


def test_a_batch_leaves_the_views_it_starts_from() -> None:
    """Only what it returns has changed."""
    before = Views()
    after = folded([login(), role()], before)
    assert before.of(PROFILE) == before.of(SETTING) == {}
    assert after.before is before
    assert after.now.of(PROFILE).keys() == {ME}


def test_later_states_overwrite_earlier_ones() -> None:
    """And those of others stay."""
    known = Views({PROFILE: {ME: NO_PROFILE, (TENANT, "sub_2"): NO_PROFILE}})
    newer = folded([login()]).now
    known.take(newer)
    assert known.of(PROFILE)[ME].document is not None
    assert known.of(PROFILE)[TENANT, "sub_2"] is NO_PROFILE
    among = known.among({PROFILE: [ME, (TENANT, "sub_3")], SETTING: [(TENANT, "role", "rol_1")]})
    assert among.of(PROFILE).keys() == {ME}
    assert among.of(SETTING) == {}
    copied = known.copy()
    copied.of(PROFILE).clear()
    assert known.of(PROFILE)


def test_applied_events_know_the_person() -> None:
    """Applied events have the person before and after; events of a tenant have none."""
    (one, other) = folded([login(), role()]).applied
    assert isinstance(one, Applied)
    assert one.before is NO_PROFILE
    assert one.after is not None
    assert (other.before, other.after) == (None, None)
