"""The normalizer's decisions, without its database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from projections.normalization import ConnectionSettings
from projections.normalization.admission import KnownConnection, connection_of
from schemas.errors import InvalidEvent
from schemas.examples import load_example
from schemas.formats import exact_json
from schemas.logins.raw_login import RawLogin, parse_raw_login
from services.normalizer.decide import (
    CLOCK_SKEW,
    Arrival,
    connection_registered,
    identify_login,
    login_failed,
    login_succeeded,
    normalize_login,
    root_policy,
)
from tests.samples.raw_logins import make_data, make_event

STORED = datetime(2026, 11, 23, 10, 0, 1, 500_900, UTC)
KNOWN = ConnectionSettings("google-oauth2", "google-oauth2", {})
ME = f"sub_{1:032x}"
EXISTING = KnownConnection(tenant_known=True, strict=False, deleted=False, settings=KNOWN)
UNKNOWN = replace(EXISTING, settings=None)


def raw(data: dict[str, Any] | None = None, **changes: Any) -> RawLogin:
    given = make_event(**changes) | ({} if data is None else {"data": make_data(**data)})
    return parse_raw_login(exact_json.dumps(given))


def arrived(login: RawLogin, position: str = "1/2/3") -> Arrival:
    return Arrival(login, position, STORED)


REFUSED = [
    (replace(EXISTING, tenant_known=False), {}, "unknown_tenant"),
    (replace(EXISTING, deleted=True), {}, "connection_deleted"),
    (replace(UNKNOWN, strict=True), {}, "unknown_connection"),
    (UNKNOWN, {"connection": "corp", "strategy": ...}, "unknown_connection"),
    (replace(UNKNOWN, tenant_known=False, strict=True), {}, "unknown_tenant"),
]


@pytest.mark.parametrize(("found", "data", "reason"), REFUSED)
def test_logins_of_unknown_origin_are_refused(
    found: KnownConnection, data: dict[str, Any], reason: str
) -> None:
    """Each kind of unknown is refused with its own reason."""
    with pytest.raises(InvalidEvent) as refusal:
        connection_of(raw(data), found)
    assert refusal.value.reason == reason


TAKEN = [
    (EXISTING, {"strategy": "samlp"}, "google-oauth2", False),
    (replace(EXISTING, strict=True), {}, "google-oauth2", False),
    (UNKNOWN, {"connection": "corp", "strategy": "samlp"}, "samlp", True),
    (UNKNOWN, {"strategy": ...}, "google-oauth2", True),
    (UNKNOWN, {"connection": "kakao", "strategy": "something-new"}, "something-new", True),
]


@pytest.mark.parametrize(("found", "data", "strategy", "is_new"), TAKEN)
def test_the_connection_of_a_login(
    found: KnownConnection, data: dict[str, Any], strategy: str, is_new: bool
) -> None:
    """A configured strategy wins over the gateway's word; an unknown connection is registered by its own."""
    connection, registers = connection_of(raw(data), found)
    assert (connection.strategy, registers) == (strategy, is_new)


POLICIES = [
    ("google-oauth2", {}, "on_each_login"),
    ("google-oauth2", {"set_user_root_attributes": "on_first_login"}, "on_first_login"),
    ("samlp", {"set_user_root_attributes": "never_on_login"}, "never_on_login"),
    ("samlp", {"set_user_root_attributes": "sometimes"}, "on_each_login"),
    ("samlp", {"set_user_root_attributes": None}, "on_each_login"),
    ("auth0", {"set_user_root_attributes": "on_each_login"}, "unless_edited"),
    ("email", {}, "unless_edited"),
    ("sms", {}, "unless_edited"),
]


@pytest.mark.parametrize(("strategy", "options", "policy"), POLICIES)
def test_root_policies(strategy: str, options: dict[str, Any], policy: str) -> None:
    """The connection's option decides, but for stores whose profiles are edited here."""
    assert root_policy(ConnectionSettings("c", strategy, options)) == policy


TIMES = [
    (None, STORED),
    (STORED - timedelta(days=400), STORED - timedelta(days=400)),
    (STORED + CLOCK_SKEW, STORED + CLOCK_SKEW),
    (STORED + CLOCK_SKEW + timedelta(milliseconds=200), STORED),
]


@pytest.mark.parametrize(("sent_time", "counted"), TIMES)
def test_whose_clock_counts(sent_time: datetime | None, counted: datetime) -> None:
    """The gateway's, unless it is absent or runs ahead too far; always in whole milliseconds."""
    arrival = arrived(raw(time=... if sent_time is None else sent_time.isoformat()))
    assert arrival.time == counted.replace(microsecond=counted.microsecond // 1000 * 1000)


def test_a_success() -> None:
    """The event has the user, the address, the identity and the provider's claims."""
    login = raw({"ip": "192.0.2.1", "session_id": "s", "tokens": {"access_token": "t"}, "client_id": "app"})
    event = login_succeeded(arrived(login), KNOWN, normalize_login(KNOWN, login.data), ME)
    assert (event.subject, event.tenant, event.actor) == (ME, "demo", "connection:google-oauth2")
    assert event.sourceposition == "1/2/3"
    assert (event.data.connection, event.data.client_id, event.data.is_social) == (
        "google-oauth2",
        "app",
        True,
    )
    assert (event.data.ip, event.data.session_id) == ("192.0.2.1", "s")
    assert event.data.tokens == {"access_token": "t"}
    assert event.data.attributes["email"] == "jane@example.com"


@pytest.mark.parametrize(
    ("reason", "short", "detail"),
    [
        ("wrong_password", "wrong_password", None),
        ("mfa.timeout-2", "other", "mfa.timeout-2"),
        ("jane.doe", "other", "jane.doe"),
        ("Wrong password for jane@example.com", "other", "Wrong password for jane@example.com"),
        ("x" * 65, "other", "x" * 65),
        ("ж", "other", "ж"),
    ],
)
def test_reasons_of_failures(reason: str, short: str, detail: str | None) -> None:
    """A known code is open; a gateway's own words may hold personal data and go with the sealed part."""
    login = raw({"outcome": "failure", "reason": reason, "claims": {}, "identifier": "jane"})
    event = login_failed(arrived(login), KNOWN, ME)
    assert (event.data.reason, event.data.detail) == (short, detail)
    assert event.data.claims is None


def test_ids_come_from_the_gateways_id() -> None:
    """Equal tenant, source and id give an equal event id at any position; other values give another."""

    def event_id(position: str = "1/2/3", **changes: Any) -> str:
        login = raw(**changes)
        return login_succeeded(arrived(login, position), KNOWN, normalize_login(KNOWN, login.data), ME).id

    assert event_id() == event_id(position="1/9/9")
    others = {event_id(id="login-2"), event_id(source="//other"), event_id(tenant="other")}
    assert len(others | {event_id()}) == 4


def test_success_and_failure_of_one_cause_are_two_events() -> None:
    """A gateway that reuses an id does not hide an outcome behind the other."""
    login = raw()
    success = login_succeeded(arrived(login), KNOWN, normalize_login(KNOWN, login.data), ME)
    failure = login_failed(arrived(raw({"outcome": "failure", "reason": "other"})), KNOWN, ME)
    assert success.causationid == failure.causationid
    assert success.id != failure.id


@pytest.mark.parametrize(
    ("claims", "identity"),
    [({"sub": "117"}, ("google-oauth2", "117")), ({"email": "jane@example.com"}, None), ({}, None)],
)
def test_whom_a_failure_names(claims: dict[str, Any], identity: tuple[str, str] | None) -> None:
    """Claims of a failed login may identify a user; claims without an id do not, which is no error."""
    login = raw({"outcome": "failure", "reason": "other", "claims": claims, "identifier": "jane"})
    assert identify_login(KNOWN, login.data) == identity


def test_a_login_without_an_id_is_refused() -> None:
    """Claims that identify no user create no profile; the reason contains no value."""
    with pytest.raises(InvalidEvent, match="unmappable") as refusal:
        normalize_login(KNOWN, raw({"claims": {"email": "jane@example.com"}}).data)
    assert "jane" not in str(refusal.value)


def test_a_registration_is_always_the_same() -> None:
    """Its id depends on tenant and name alone, so that many logins at once register one connection."""
    one, again = (connection_registered("demo", KNOWN, STORED + timedelta(days=n)) for n in (0, 1))
    assert (one.id, one.data) == (again.id, again.data)
    assert connection_registered("other", KNOWN, STORED).id != one.id
    assert (one.subject, one.actor) == ("ten_demo", "system:normalizer")


def test_the_access_a_login_gave_is_carried_over() -> None:
    """Session, refresh token, device, grant and connected account are copied from the login."""
    example = load_example("vita.login.v1.session.json")
    login = parse_raw_login(exact_json.dumps(example))
    data = login_succeeded(arrived(login), KNOWN, normalize_login(KNOWN, login.data), ME).data
    for name in ("session", "refresh_token", "device", "audience", "scope", "organization_id"):
        assert getattr(data, name) == example["data"][name]
    assert data.connected_account == example["data"]["connected_account"]


def test_a_login_that_tells_of_no_access_carries_none() -> None:
    """Absent stays absent."""
    login = raw()
    data = login_succeeded(arrived(login), KNOWN, normalize_login(KNOWN, login.data), ME).data
    assert (data.session, data.refresh_token, data.device, data.scope) == (None, None, None, None)
