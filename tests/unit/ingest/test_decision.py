"""Which events are accepted, and what is written for them."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import exact_json
from schemas.examples import load_example, names_of
from schemas.raw_login import MAX_BYTES, parse_raw_login
from services.ingest.bodies import NOT_JSON
from services.ingest.decision import Accepted, Rejected, Verdict, decide
from services.ingest.keying import record_key
from tests.raw_logins import make_data, make_event

ARRIVED = "2026-11-23T10:00:01.000Z"


def verdict_on(event: Any) -> Verdict:
    return decide(event, "demo", ARRIVED, record_key)


def accepted(event: Any) -> Accepted:
    verdict = verdict_on(event)
    assert isinstance(verdict, Accepted), verdict
    return verdict


def rejected(event: Any) -> Rejected:
    verdict = verdict_on(event)
    assert isinstance(verdict, Rejected), verdict
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


@pytest.mark.parametrize(
    ("event", "reason", "detail"),
    [
        (NOT_JSON, "not_json", "no JSON"),
        (7, "contract", "object"),
        (None, "contract", "object"),
        ([], "contract", "object"),
        ({}, "contract", "specversion: missing"),
        (make_event(specversion="0.3"), "contract", "specversion: literal_error ('1.0')"),
        (make_event(type="vita.login.v2"), "contract", "type: literal_error ('vita.login.v1')"),
        (make_event(id=""), "contract", "id: string_too_short (1)"),
        (make_event(id=5), "contract", "id: string_type"),
        (make_event(id="x" * 257), "contract", "id: string_too_long (256)"),
        (make_event(source=...), "contract", "source: missing"),
        (make_event(tenant=7), "contract", "tenant: string_type"),
        (make_event(tenant={}), "contract", "tenant"),
        (make_event(time="yesterday"), "contract", "time: not_an_instant"),
        (make_event(time="2026-11-23T10:00:00"), "contract", "time: not_an_instant"),
        (make_event(time="2026-11-23T10:00:60Z"), "contract", "time: not_an_instant"),
        (make_event(time=1700000000), "contract", "time: string_type"),
        (make_event(data=...), "contract", "data: missing"),
        (make_event(data="x"), "contract", "data"),
        (make_event(data=make_data(outcome="maybe")), "contract", "'success' or 'failure'"),
        (make_event(data=make_data(outcome="failure")), "contract", "failure_without_reason"),
        (make_event(data=make_data(claims={})), "contract", "names_nobody"),
        (make_event(data=make_data(claims=[])), "contract", "data.claims"),
        (make_event(data=make_data(ip="jane@example.com")), "contract", "data.ip: not_an_ip_address"),
        (
            make_event(data=make_data(connection="a b")),
            "contract",
            "data.connection: string_pattern_mismatch",
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


@given(st.dictionaries(places, json_values, max_size=3))
def test_what_is_accepted_is_what_the_normalizer_reads(changes: dict[str, Any]) -> None:
    """Any JSON in any place gets a verdict, and every accepted value passes the contract on the other
    side."""
    event = make_event()
    for place, value in changes.items():
        target = event["data"] if place.startswith("data.") and isinstance(event["data"], dict) else event
        target[place.removeprefix("data.")] = value
    verdict = verdict_on(event)
    if isinstance(verdict, Accepted):
        login = parse_raw_login(verdict.record.value)
        assert login.tenant == "demo"
        assert record_key(login) == verdict.record.key
    else:
        assert verdict.reason in ("contract", "tenant_mismatch", "nul_character")
