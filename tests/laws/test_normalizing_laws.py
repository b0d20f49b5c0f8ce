"""The laws of the normalizer's pure middle: a raw login becomes an event or a dead letter, always the
same one."""

import copy
from datetime import UTC, datetime
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from projections.normalization import ATTRIBUTES, KNOWN_STRATEGIES, ConnectionSettings
from projections.normalization.defaults import GRAVATAR
from projections.profile.state import OWN_KEYS
from projections.remapping.configurations import MappingSettings
from projections.remapping.logins import remap_login
from schemas.errors import InvalidEvent
from schemas.formats import exact_json
from schemas.formats.characters import replaced
from schemas.logins.raw_login import RawLogin, parse_raw_login
from schemas.sealing.keys import SubjectKeys
from schemas.sealing.mapper import open_event, read_sealed, seal_event
from services.normalizer.decide import (
    CLOCK_SKEW,
    Arrival,
    identify_login,
    login_failed,
    login_succeeded,
    normalize_login,
)
from tests.laws.events import instants, text, values

KEYS = SubjectKeys(1, b"p" * 32, b"a" * 32)
ME = f"sub_{1:032x}"
STORED = datetime(2026, 11, 23, 12, tzinfo=UTC)

_TELLING = (
    "sub id user_id oid objectGUID upn login email mail emails email_verified name picture phone_number data"
)
_CLAIM_NAMES = st.sampled_from(
    [*_TELLING.split(), "user", "profile", "blocked", "app_metadata", "identities"]
)
_ids = st.one_of(st.sampled_from(["7", 7, 2**70]), text, values)
claims = st.dictionaries(st.one_of(_CLAIM_NAMES, text), st.one_of(_ids, values), max_size=6)


@st.composite
def raw_logins(draw: st.DrawFn, outcomes: tuple[str, ...] = ("success", "failure")) -> RawLogin:
    """What a gateway may send, with any claims."""
    failure = draw(st.sampled_from(outcomes)) == "failure"
    data = {
        "connection": "c",
        "strategy": draw(st.sampled_from([*sorted(KNOWN_STRATEGIES), "something-new"])),
        "outcome": "failure" if failure else "success",
        "reason": draw(st.sampled_from(["wrong_password", "Locked: try later", "x" * 1000]))
        if failure
        else None,
        "claims": draw(claims),
        "identifier": draw(st.one_of(st.none(), st.sampled_from(["Jane@X.com", "+49151", "jane"]), text)),
        "tokens": draw(st.one_of(st.none(), st.just({"access_token": "t"}))),
        "ip": draw(st.sampled_from([None, "192.0.2.1", "::1"])),
    }
    time = draw(st.one_of(st.none(), instants))
    event = {
        "specversion": "1.0",
        "id": replaced(draw(text)) or "1",
        "source": "/gateway",
        "type": "vita.login.v1",
        "tenant": "demo",
        "time": time and time.isoformat(),
        "data": {name: value for name, value in data.items() if value is not None},
    }
    try:
        return parse_raw_login(exact_json.dumps(event))
    except InvalidEvent:
        assume(False)
        raise


def event_of(login: RawLogin) -> Any:
    arrival = Arrival(login, "1/0/5", STORED)
    connection = ConnectionSettings("c", login.data.strategy or "oidc", {})
    if login.data.outcome == "failure":
        identify_login(connection, login.data)
        return login_failed(arrival, connection, ME)
    return login_succeeded(arrival, connection, normalize_login(connection, login.data), ME)


@given(raw_logins())
def test_a_login_becomes_an_event_or_a_dead_letter(login: RawLogin) -> None:
    """Whatever the claims are, there is an event that can be sealed and opened, or an InvalidEvent."""
    before = copy.deepcopy(login.data.claims)
    try:
        event = event_of(login)
    except InvalidEvent as error:
        event = None
        reason = error.reason
    assert login.data.claims == before
    if event is None:
        assert reason == "unmappable"
    else:
        assert open_event(read_sealed(*seal_event(event, KEYS)), KEYS) == event


@given(raw_logins())
def test_the_same_login_is_the_same_event(login: RawLogin) -> None:
    """Normalizing twice gives equal bytes, so that duplicates can be detected."""
    try:
        assert event_of(login).model_dump_json() == event_of(login).model_dump_json()
    except InvalidEvent:
        return


@given(raw_logins(outcomes=("success",)))
def test_a_login_mapped_again_is_the_same_event(login: RawLogin) -> None:
    """With the settings and the code that mapped it, the event as it comes back from the log stays the very
    same object."""
    try:
        event = event_of(login)
    except InvalidEvent:
        return
    settings = MappingSettings(ConnectionSettings("c", login.data.strategy or "oidc", {}), GRAVATAR)
    opened: Any = open_event(read_sealed(*seal_event(event, KEYS)), KEYS)
    again = remap_login(opened, settings)
    assert again.event is opened
    assert (again.outcome, again.leads_elsewhere) == ("unchanged", False)


@given(raw_logins(outcomes=("success",)))
def test_leftovers_never_shadow_reserved_attributes(login: RawLogin) -> None:
    """No claim of any name is stored under a reserved root key."""
    try:
        data = event_of(login).data
    except InvalidEvent:
        return
    assert not data.extras.keys() & OWN_KEYS
    assert data.attributes.keys() <= set(ATTRIBUTES)


@given(raw_logins())
def test_clocks_that_run_ahead_are_not_believed(login: RawLogin) -> None:
    """An event's time is the gateway's, unless it exceeds the allowed skew; then the broker's."""
    claimed = login.time
    time = Arrival(login, "1/0/5", STORED).time
    assert time == (STORED if claimed is None or claimed > STORED + CLOCK_SKEW else claimed)
