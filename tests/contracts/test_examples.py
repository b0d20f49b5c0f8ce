"""Every example of every event version is processed by every consumer."""

from datetime import UTC, datetime

import pytest

from projections.batch.fold import fold_batch
from projections.batch.views import Views
from projections.client.view import CLIENT
from projections.connection.view import CONNECTION, changed
from projections.normalization.admission import KnownConnection, connection_of
from projections.profile.state import NO_PROFILE, Profile
from projections.profile.view import PROFILE as PROFILES
from projections.setting.fold import KIND_OF
from projections.setting.view import SETTING
from projections.trail.leaf import leaf_of
from projections.trail.merkle import leaf_hash
from schemas.events import (
    ACTIVITY,
    EVENT_TYPES,
    OPEN,
    PROFILE,
    ClientConfigured,
    ConnectionConfigured,
    Event,
    LoginSucceeded,
    UserCreated,
    event_adapter,
    field_class,
)
from schemas.examples import all_names, load_example, names_of, read_example
from schemas.formats import exact_json
from schemas.formats.identifiers import PERSON, new_subject, record_key
from schemas.formats.instants import render
from schemas.logins.raw_login import EVENT_TYPE as RAW_LOGIN
from schemas.logins.raw_login import RawLogin, parse_raw_login
from schemas.sealing.keys import generate_subject_keys
from schemas.sealing.mapper import open_event, read_sealed, seal_event
from schemas.upcasters import current_version
from services.ingest.logins.decide import AcceptedLogin, decide
from services.ingest.logins.keying import record_key as login_key
from services.normalizer.decide import Arrival, login_failed, login_succeeded, normalize_login
from tests.samples.profile_events import on_the_log

RAW_LOGINS = names_of(RAW_LOGIN)
EVENTS = tuple(name for name in all_names() if load_example(name)["type"] in EVENT_TYPES)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEYS = generate_subject_keys()
UNREGISTERED = KnownConnection(tenant_known=True, strict=False, deleted=False, settings=None)


def event_of(name: str) -> Event:
    """The example, in the newest version."""
    return event_adapter.validate_python(load_example(name))


def login_of(name: str) -> RawLogin:
    return parse_raw_login(read_example(name))


def test_every_event_version_has_an_example() -> None:
    """For ever: version 1 up to the newest of each event type, and the raw login."""
    present = {(load_example(name)["type"], load_example(name)["dataversion"]) for name in EVENTS}
    wanted = {
        (event_type, version)
        for event_type in EVENT_TYPES
        for version in range(1, current_version(event_type) + 1)
    }
    assert present == wanted
    assert RAW_LOGINS


@pytest.mark.parametrize("name", all_names())
def test_a_file_is_named_for_what_it_holds(name: str) -> None:
    """`<type>.v<version>`, then what it shows."""
    event = load_example(name)
    versioned = f"{event['type']}.v{event['dataversion']}" if event["type"] in EVENT_TYPES else event["type"]
    assert name.startswith(f"{versioned}.")


@pytest.mark.parametrize("name", EVENTS)
def test_examples_say_everything(name: str) -> None:
    """Each example equals the dump of its model, so that none becomes outdated."""
    event = event_of(name)
    shown = event.model_dump(mode="json", exclude_unset=True) | {
        "type": event.type,
        "dataversion": event.dataversion,
        "time": render(event.time),
    }
    assert shown == load_example(name)


def test_examples_show_every_field() -> None:
    """Between them, the examples of a type fill every field its data can have, `deleted` marks aside."""
    shown: dict[str, set[str]] = {event_type: set() for event_type in EVENT_TYPES}
    for name in EVENTS:
        shown[load_example(name)["type"]] |= load_example(name)["data"].keys()
    for event_type, model in EVENT_TYPES.items():
        data = model.model_fields["data"].annotation
        optional = {"deleted", "expected_revision", "operation", "request", "profile_bytes"} | {
            "correlation_id",
            "traceparent",
        }
        assert set(data.model_fields) - shown[event_type] <= optional, event_type


@pytest.mark.parametrize("name", EVENTS)
def test_events_seal_and_open(name: str) -> None:
    """What is sealed opens equal, in the place it was sealed for, and shows nothing personal meanwhile."""
    event = event_of(name)
    record = seal_event(event, KEYS)
    assert open_event(read_sealed(record.key, record.value), KEYS) == event
    assert record.key == record_key(event.tenant, event.subject)
    on_the_log = exact_json.loads(record.value)["data"]
    for field, info in type(event.data).model_fields.items():
        if field_class(info) in (PROFILE, ACTIVITY):
            assert field not in on_the_log
        else:
            assert field_class(info) == OPEN


@pytest.mark.parametrize("name", EVENTS)
def test_the_auditor_takes_events(name: str) -> None:
    """A leaf is the hash of the record, with as much of the envelope as the trail is indexed by."""
    event = event_of(name)
    record = seal_event(event, KEYS)
    leaf = leaf_of(record.value)
    assert leaf.hash == leaf_hash(record.value)
    assert (leaf.tenant, leaf.subject, leaf.type) == (event.tenant, event.subject, event.type)
    assert leaf.time == event.time


@pytest.mark.parametrize("name", EVENTS)
def test_the_projector_takes_events(name: str) -> None:
    """Each event folds into the views, for an unknown and for an existing person."""
    event = event_of(name)
    outcome = fold_batch(Views(), on_the_log([event]))
    match event:
        case ConnectionConfigured():
            assert [
                one.name for change in outcome.changes(CONNECTION).values() for one in changed(change)
            ] == [event.data.connection]
        case ClientConfigured():
            assert outcome.now.of(CLIENT)[event.tenant, event.data.client_id].scopes == event.data.scopes
        case _ if type(event) in KIND_OF:
            refused = event.data.expected_revision not in (None, 0)
            assert [one.after.id for one in outcome.changes(SETTING).values()] == [event.data.setting_id] * (
                not refused
            )
        case _ if not event.subject.startswith(PERSON):
            assert not outcome.changes(PROFILES)
        case _:
            fresh = outcome.changes(PROFILES)[event.tenant, event.subject].after
            creates = isinstance(event, LoginSucceeded | UserCreated)
            assert (fresh.document is not None) is creates
            existing = _existing(event)
            known = Views({PROFILES: {(event.tenant, event.subject): existing}})
            after = fold_batch(known, on_the_log([event]))
            assert after.changes(PROFILES)[event.tenant, event.subject].after.memory.recent


def _existing(event: Event) -> Profile:
    """The person of the event, created an hour earlier by another command."""
    created = event_of(names_of("profile.user.created")[0])
    moved = created.model_copy(
        update={"subject": event.subject, "id": "019a9d30-0000-7000-8000-000000000001"}
    )
    views = fold_batch(Views(), on_the_log([moved])).now
    return views.of(PROFILES).get((event.tenant, event.subject), NO_PROFILE)


@pytest.mark.parametrize("name", RAW_LOGINS)
def test_ingest_takes_logins(name: str) -> None:
    """Ingest accepts each raw login and writes it as it is."""
    verdict = decide(load_example(name), "demo", render(NOW), login_key)
    assert isinstance(verdict, AcceptedLogin)
    assert exact_json.loads(verdict.record.value) == load_example(name)


@pytest.mark.parametrize("name", RAW_LOGINS)
def test_the_normalizer_takes_logins(name: str) -> None:
    """Each raw login becomes an event that seals, opens and folds."""
    login = login_of(name)
    arrival = Arrival(login, "1/0/42", NOW)
    connection, is_new = connection_of(login, UNREGISTERED)
    assert is_new
    subject = new_subject(NOW)
    event: Event
    if login.data.outcome == "success":
        event = login_succeeded(arrival, connection, normalize_login(connection, login.data), subject)
    else:
        event = login_failed(arrival, connection, subject)
    opened = open_event(read_sealed(*seal_event(event, KEYS)), KEYS)
    assert opened == event
    after = fold_batch(Views(), on_the_log([opened])).now.of(PROFILES)[login.tenant, subject]
    assert after.memory.sources == {"1/0": [-1, 42]}
