"""The gateway's contract: strict about what it names, lenient about everything else."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InvalidEvent
from schemas.examples import load_example, names_of, read_example
from schemas.formats import exact_json, instants
from schemas.logins.raw_login import MAX_BYTES, MAX_DEPTH, RawLogin, parse_raw_login
from tests.samples.raw_logins import make_data, make_event


def parse(event: Any) -> RawLogin:
    return parse_raw_login(exact_json.dumps(event))


def refusal(raw: bytes) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as caught:
        parse_raw_login(raw)
    return caught.value


@pytest.mark.parametrize("name", names_of("vita.login.v1"))
def test_examples_are_logins(name: str) -> None:
    """Every published example keeps its claims as they are."""
    assert parse_raw_login(read_example(name)).data.claims == load_example(name)["data"]["claims"]


def test_unknown_attributes_are_ignored() -> None:
    """Gateways may add what they like, at the top and in the data."""
    parse(make_event(dataschema="x", partitionkey=7, data=make_data(risk={"score": 3})))


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-23T10:00:00Z", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("2026-11-23T10:00:00.123456+02:00", datetime(2026, 11, 23, 8, 0, 0, 123_000, tzinfo=UTC)),
        ("2026-11-23T10:00:00.1-05:30", datetime(2026, 11, 23, 15, 30, 0, 100_000, tzinfo=UTC)),
        ("2026-11-23t10:00:00z", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2016-12-31T15:59:60.5-08:00", datetime(2017, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("1969-12-31T23:59:59.999Z", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("9999-12-31T23:59:60Z", None),
        (None, None),
    ],
)
def test_times_are_instants(text: str | None, instant: datetime | None) -> None:
    """Any zone becomes UTC, cut to the millisecond; no time at all, and one of no plausible year, is no
    time."""
    assert parse(make_event(time=text)).time == instant
    ends = parse(make_event(data=make_data(session={"expires_at": text}))).data.session
    assert ends is not None
    assert ends.expires_at == instant


@given(st.datetimes(), st.integers(-23 * 60 - 59, 23 * 60 + 59))
def test_every_instant_that_is_read_is_written_as_itself(local: datetime, minutes: int) -> None:
    """Any time in any zone is the instant that its rendering reads as, or is refused as out of range."""
    zone = timezone(timedelta(minutes=minutes))
    text = local.replace(tzinfo=zone).isoformat()
    try:
        moment = instants.parse(text)
    except instants.OutOfRange:
        assert not 1970 < local.year < 9999
        return
    assert moment == instants.truncate(local.replace(tzinfo=zone))
    assert instants.parse(instants.render(moment)) == moment
    assert instants.parse(text.lower()) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-23",
        "2026-11-23T10:00:00",
        "2026-11-23T10:00:60Z",
        "2016-12-31T23:59:61Z",
        "2016-12-31T23:59:60",
        "2026-02-30T00:00:00Z",
        0,
        1.5,
    ],
)
def test_invalid_instants(text: Any) -> None:
    """Numbers, local times and days that do not exist are refused."""
    assert refusal(exact_json.dumps(make_event(time=text))).detail.endswith(" on property time")


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("203.0.113.9:1234", "203.0.113.9"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("[::FFFF:203.0.113.7]:443", "203.0.113.7"),
        ("2001:DB8:0:0::17", "2001:db8::17"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:80", "fe80::1"),
    ],
)
def test_addresses(written: str, address: str) -> None:
    """Both families are read however proxies and sockets write them, and kept in one notation."""
    assert parse(make_event(data=make_data(ip=written))).data.ip == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "localhost",
        "203.0.113",
        "1.2.3.4.5",
        "1.2.3.4:",
        "[::1",
        "[1.2.3.4]x",
        "1.2.3.4%eth0",
        "01.2.3.4",
        "a" * 99,
        "1\x002",
    ],
)
def test_invalid_addresses(address: str) -> None:
    """Names, ports and rests of addresses are refused."""
    assert refusal(exact_json.dumps(make_event(data=make_data(ip=address)))).reason in (
        "contract",
        "nul_character",
    )


def test_a_failure_says_why_and_whom() -> None:
    """A failed login needs a reason, and any login needs claims or an identifier."""
    failure = make_data(outcome="failure", reason="wrong_password", claims={}, identifier="jane@example.com")
    assert parse(make_event(data=failure)).data.identifier == "jane@example.com"
    without_reason = {name: value for name, value in failure.items() if name != "reason"}
    assert (
        "Missing required property: reason"
        in refusal(exact_json.dumps(make_event(data=without_reason))).detail
    )
    without_claims = make_event(data=make_data(**failure | {"claims": ...}))
    assert parse(without_claims).data.claims == {}
    jsonschema.Draft202012Validator(RawLogin.model_json_schema()).validate(without_claims)
    without_person = failure | {"identifier": None}
    assert "must identify a person" in refusal(exact_json.dumps(make_event(data=without_person))).detail


def test_large_numbers_stay_exact() -> None:
    """Ids beyond 2^64 reach the claims digit by digit."""
    assert parse(make_event(data=make_data(claims={"sub": 10**30 + 1}))).data.claims == {"sub": 10**30 + 1}


def test_size_and_depth_have_limits() -> None:
    """The largest and deepest event pass, one step further does not."""

    def nested(levels: int) -> Any:
        value: Any = 1
        for _ in range(levels):
            value = [value]
        return value

    around = 3  # the event, its data, the claims
    parse(make_event(data=make_data(claims={"deep": nested(MAX_DEPTH - around)})))
    too_deep = make_event(data=make_data(claims={"deep": nested(MAX_DEPTH - around + 1)}))
    assert "Nested" in refusal(exact_json.dumps(too_deep)).detail
    room = MAX_BYTES - len(exact_json.dumps(make_event(padding="")))
    parse(make_event(padding="x" * room))
    assert refusal(exact_json.dumps(make_event(padding="x" * (room + 1)))).reason == "too_large"


def test_nul_is_refused_by_name() -> None:
    """U+0000 is JSON and cannot be stored; an escaped backslash before u0000 is no U+0000."""
    for event, place in (
        (make_event(data=make_data(claims={"a": ["\x00"]})), " on property data.claims"),
        (make_event(data=make_data(device={"\x00": 1})), " on property data.device"),
        (make_event(source="a\x00"), " on property source"),
        (make_event(padding="a\x00"), ""),
    ):
        error = refusal(exact_json.dumps(event))
        assert (error.reason, error.detail) == ("nul_character", f"'Text must not contain U+0000'{place}")
    parse(make_event(padding="a\\u0000"))


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[NaN]"])
def test_what_is_no_json(raw: bytes) -> None:
    """Refused before anything else is looked at."""
    assert refusal(raw).reason == "not_json"


@pytest.mark.parametrize("value", [None, 1, "x", [], [{}], {}])
def test_what_is_no_event(value: Any) -> None:
    """Any other JSON is against the contract."""
    assert refusal(exact_json.dumps(value)).reason == "contract"


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """Nothing but InvalidEvent leaves the parser."""
    assert refusal(raw).reason in ("not_json", "contract")


def test_the_json_schema_agrees_with_the_model() -> None:
    """The published JSON Schema takes the examples and refuses what the model refuses, as far as schemas
    can."""
    schema = RawLogin.model_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for name in names_of("vita.login.v1"):
        validator.validate(load_example(name))
    for faulty in (
        make_event(type="x"),
        make_event(data=...),
        make_event(data=make_data(outcome="?")),
        make_event(id=""),
        make_event(data=make_data(claims=...)),
    ):
        assert not validator.is_valid(faulty)
