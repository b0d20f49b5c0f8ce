"""Which events are accepted, and what is written for them."""

import contextlib
import copy
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.examples import load_example, names_of
from schemas.formats import exact_json, instants
from schemas.logins.raw_login import MAX_BYTES, parse_raw_login
from services.ingest.bodies import NOT_JSON
from services.ingest.documents import login_schema
from services.ingest.logins.decide import AcceptedLogin, LoginDecision, RejectedLogin, decide
from services.ingest.logins.keying import record_key
from tests.samples.raw_logins import make_data, make_event

ARRIVED = "2026-11-23T10:00:01.000Z"


def verdict_on(event: Any) -> LoginDecision:
    return decide(event, "demo", ARRIVED, record_key)


def accepted(event: Any) -> AcceptedLogin:
    verdict = verdict_on(event)
    assert isinstance(verdict, AcceptedLogin), verdict
    return verdict


def rejected(event: Any) -> RejectedLogin:
    verdict = verdict_on(event)
    assert isinstance(verdict, RejectedLogin), verdict
    return verdict


@pytest.mark.parametrize("name", names_of("vita.login.v1"))
def test_every_example_is_written_as_it_was_sent(name: str) -> None:
    """A complete event goes to the log unchanged, unknown attributes included."""
    event = load_example(name)
    assert exact_json.loads(accepted(event).record.value) == event


def test_tenant_and_time_are_filled_in() -> None:
    """What the token and the clock know need not be sent; the event that came in is not changed."""
    event = make_event(tenant=..., time=...)
    before = copy.deepcopy(event)
    written = exact_json.loads(accepted(event).record.value)
    assert written == {**event, "tenant": "demo", "time": ARRIVED}
    assert event == before


def test_nulls_are_filled_in_too() -> None:
    """A null tenant or time is an absent one."""
    written = exact_json.loads(accepted(make_event(tenant=None, time=None)).record.value)
    assert (written["tenant"], written["time"]) == ("demo", ARRIVED)


def test_integers_stay_exact() -> None:
    """Ids and numbers beyond 64 bits are written digit by digit."""
    body = exact_json.dumps(make_event()).replace(b'"104834838475647382910"', b"1" * 60)
    assert b'"sub":' + b"1" * 60 in accepted(exact_json.loads(body)).record.value


def test_another_tenants_event_is_rejected() -> None:
    """A token speaks for its own tenant only."""
    verdict = rejected(make_event(tenant="other"))
    assert (verdict.id, verdict.reason) == ("login-1", "tenant_mismatch")


NO_TEXT = "'Expected type string but found type integer'"
NO_INSTANT = "'Expected an RFC 3339 date-time with a time zone' on property time"
NO_REASON = "'Missing required property: reason (why the login failed)' on property data"
NO_PERSON = "'Either claims or identifier must identify a person' on property data"
NO_ADDRESS = "'Expected an IPv4 or IPv6 address' on property data.ip"


@pytest.mark.parametrize(
    ("event", "reason", "detail"),
    [
        (NOT_JSON, "not_json", "not JSON"),
        (7, "contract", "object"),
        (None, "contract", "object"),
        ([], "contract", "object"),
        ({}, "contract", "'Missing required property: specversion'"),
        (make_event(specversion="0.3"), "contract", "'Expected '1.0'' on property specversion"),
        (make_event(type="vita.login.v2"), "contract", "'Expected 'vita.login.v1'' on property type"),
        (make_event(id=""), "contract", "'String is too short (0 chars), minimum 1' on property id"),
        (make_event(id=5), "contract", f"{NO_TEXT} on property id"),
        (
            make_event(id="x" * 257),
            "contract",
            "(257 chars), maximum 256' on property id",
        ),
        (make_event(source=...), "contract", "'Missing required property: source'"),
        (
            make_event(tenant=7),
            "contract",
            f"{NO_TEXT} on property tenant",
        ),
        (make_event(tenant={}), "contract", "tenant"),
        (
            make_event(time="yesterday"),
            "contract",
            NO_INSTANT,
        ),
        (
            make_event(time="2026-11-23T10:00:00"),
            "contract",
            NO_INSTANT,
        ),
        (
            make_event(time="2026-11-23T10:00:60Z"),
            "contract",
            NO_INSTANT,
        ),
        (
            make_event(time=1700000000),
            "contract",
            f"{NO_TEXT} on property time",
        ),
        (make_event(data=...), "contract", "'Missing required property: data'"),
        (make_event(data="x"), "contract", "data"),
        (make_event(data=make_data(outcome="maybe")), "contract", "'success' or 'failure'"),
        (
            make_event(data=make_data(outcome="failure")),
            "contract",
            NO_REASON,
        ),
        (
            make_event(data=make_data(claims={})),
            "contract",
            NO_PERSON,
        ),
        (make_event(data=make_data(claims=[])), "contract", "data.claims"),
        (
            make_event(data=make_data(ip="jane@example.com")),
            "contract",
            NO_ADDRESS,
        ),
        (
            make_event(data=make_data(connection="a b")),
            "contract",
            "' on property data.connection",
        ),
        (make_event(data=make_data(claims={"sub": "a\x00b"})), "nul_character", ""),
        (make_event(data=make_data(claims={"a\x00b": 1})), "nul_character", ""),
        (make_event(extra="\x00"), "nul_character", ""),
        (make_event(data=make_data(claims={"sub": "x" * MAX_BYTES})), "too_large", str(MAX_BYTES)),
    ],
)
def test_each_fault_has_its_reason(event: Any, reason: str, detail: str) -> None:
    """A gateway developer learns which rule was broken and where."""
    verdict = rejected(event)
    assert verdict.reason == reason
    assert detail in verdict.detail


@pytest.mark.parametrize("depth", [65, 300, 900, 1000])
def test_deep_nesting_is_rejected(depth: int) -> None:
    """However deep a value nests, the answer is a rejection and no crash."""
    body = exact_json.dumps(make_event()).replace(
        b'"104834838475647382910"', b"[" * depth + b"1" * 30 + b"]" * depth
    )
    try:
        event = exact_json.loads(body)
    except ValueError:
        return
    assert rejected(event).reason == "contract"


def test_no_value_reaches_the_answer() -> None:
    """Reasons name fields and rules, never what a person typed."""
    secret = "jane.secret@example.com"
    faulty = make_data(ip=secret, connection=secret, outcome=secret, client_id=f"{secret} ", protocol=secret)
    assert secret not in rejected(make_event(time=secret, type=secret, data=faulty)).detail


UNKNOWN = "Vita does not know {} and ignores it."


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        (
            {"sesion_id": "s1"},
            f"{UNKNOWN.format('data.sesion_id')} Did you mean data.session_id?",
        ),
        ({"unrelated_thing": 1}, UNKNOWN.format("data.unrelated_thing")),
        (
            {"session": {"expire_at": "2026-11-23T10:00:00Z"}},
            f"{UNKNOWN.format('data.session.expire_at')} Did you mean data.session.expires_at?",
        ),
    ],
)
def test_misspelt_members_are_named(changes: dict[str, Any], warning: str) -> None:
    """A member that Vita ignores is named in the result of the accepted event, with the likely spelling."""
    assert accepted(make_event(data=make_data(**changes))).warnings == (warning,)
    assert accepted(make_event()).warnings == ()


def test_likely_spellings_are_looked_for_a_few_times_only() -> None:
    """An event with thousands of unknown members costs no search for each; all of them are named."""
    misspelt = {f"sesion_id{number:04}": 1 for number in range(1000)}
    warnings = accepted(make_event(data=make_data(**misspelt))).warnings
    assert warnings[0] == f"{UNKNOWN.format('data.sesion_id0000')} Did you mean data.session_id?"
    assert warnings[-1] == UNKNOWN.format("data.sesion_id0999")
    assert len(warnings) == len(misspelt)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
places = st.sampled_from(
    ["specversion", "id", "source", "type", "time", "tenant", "data", "datacontenttype", "extra"]
    + [
        f"data.{name}"
        for name in ("connection", "strategy", "outcome", "reason", "claims", "identifier", "ip")
    ]
    + [f"data.{name}" for name in ("client_id", "user_agent", "session_id", "tokens", "protocol")]
)


LIKELY: list[Any] = [
    "failure", "success", "203.0.113.7", "::1", "2001:db8::7", "2026-11-23T10:00:00Z", "jane", {}, None, "",
]  # fmt: skip


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    """An event with these values in these places."""
    event = make_event()
    for place, value in changes.items():
        target = event["data"] if place.startswith("data.") and isinstance(event["data"], dict) else event
        target[place.removeprefix("data.")] = value
    return event


@given(st.dictionaries(places, json_values, max_size=3))
def test_accepted_events_are_readable_by_the_normalizer(changes: dict[str, Any]) -> None:
    """Any JSON in any place gets a verdict, and every accepted value passes the contract on the other
    side."""
    verdict = verdict_on(changed(changes))
    if isinstance(verdict, AcceptedLogin):
        login = parse_raw_login(verdict.record.value)
        assert login.tenant == "demo"
        assert record_key(login).value == verdict.record.key
    else:
        assert verdict.reason in ("contract", "tenant_mismatch", "nul_character")


def _checker() -> jsonschema.FormatChecker:
    checker = jsonschema.FormatChecker(("ipv4", "ipv6"))
    checker.checks("date-time", raises=ValueError)(lambda text: not isinstance(text, str) or instant(text))
    return checker


def instant(text: str) -> bool:
    with contextlib.suppress(instants.OutOfRange):
        instants.parse(text)
    return True


PUBLISHED = jsonschema.Draft202012Validator(login_schema(), format_checker=_checker())


@given(st.dictionaries(places, json_values | st.sampled_from(LIKELY), max_size=3))
def test_the_published_schema_refuses_what_ingest_refuses(changes: dict[str, Any]) -> None:
    """The JSON Schema and ingest agree on every event, apart from the limits that the schema only
    describes: bytes, levels of nesting and U+0000."""
    event = changed(changes)
    verdict = verdict_on({**event, "tenant": event.get("tenant") or "demo"})
    if isinstance(verdict, RejectedLogin) and verdict.reason in (
        "too_large",
        "nul_character",
        "tenant_mismatch",
    ):
        return
    shown = {**event, "tenant": event.get("tenant") or "demo"}
    assert PUBLISHED.is_valid(shown) == isinstance(verdict, AcceptedLogin), list(PUBLISHED.iter_errors(shown))


def test_a_rejected_event_is_named_by_the_start_of_its_id() -> None:
    """The result has the first 256 characters of the id, or null if it is not a text."""
    assert rejected(make_event(id="x" * 300, data=None)).id == "x" * 256
    assert rejected(make_event(id=5)).id is None
