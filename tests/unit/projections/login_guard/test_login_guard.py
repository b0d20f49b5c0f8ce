"""Failed logins: which count as attempts, for whom, and what resets them."""

from typing import Any

import pytest

from projections.applied import Applied
from projections.login_guard import protection, verdict
from projections.login_guard.addresses import Address
from projections.login_guard.attempts import (
    EXPIRY_MS,
    NO_FAILURES,
    Attempts,
    Tally,
    follow,
    follow_anonymous,
    is_attempt,
)
from schemas.events import (
    LoginBlockReleased,
    LoginBlockReleasedData,
    LoginFailed,
    LoginFailedData,
    UserBlocked,
    UserDeleted,
)
from schemas.formats import exact_json
from schemas.formats.instants import milliseconds
from tests.samples.profile_events import START, SUBJECT, creation, event, flag, login, on_the_log, person

DAY = 24 * 3600 * 1000
NOW = milliseconds(START)
JOE = person([creation()])


def data(**changes: Any) -> LoginFailedData:
    given = {"connection": "users", "strategy": "auth0", "reason": "wrong_password", "ip": "192.0.2.1"}
    return LoginFailedData(**{**given, **changes})


def after(guard: Any, made: Any, before: Any = JOE, refused: bool = False) -> Any:
    (logged,) = on_the_log([made])
    return follow(guard, Applied(logged, before, before, refused))


def failed(guard: Any = NO_FAILURES, minute: int = 0, **changes: Any) -> Any:
    return after(guard, event(LoginFailed, data(**changes), minute))


def test_a_failure_is_forgotten_after_30_days() -> None:
    """Up to the millisecond; a new one starts at one then."""
    tally = Tally(3, NOW)
    assert EXPIRY_MS == 30 * DAY
    assert not tally.expired(NOW + 30 * DAY)
    assert tally.expired(NOW + 30 * DAY + 1)
    assert tally.more(NOW + 30 * DAY) == Tally(4, NOW + 30 * DAY)
    assert tally.more(NOW + 30 * DAY + 1) == Tally(1, NOW + 30 * DAY + 1)


def test_a_late_failure_leaves_the_latest_time() -> None:
    """Failures may arrive in any order."""
    assert Tally(1, NOW).more(NOW - 5) == Tally(2, NOW)


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, True),
        ({"reason": "unknown_user"}, True),
        ({"reason": "something_else"}, True),
        ({"reason": "too_many_attempts"}, False),
        ({"reason": "blocked"}, False),
        ({"reason": "unauthorized"}, False),
        ({"detail": "user is blocked"}, False),
        ({"detail": "bad luck"}, True),
    ],
)
def test_failures_that_count_as_attempts(changes: dict[str, str], counts: bool) -> None:
    """A login that was refused before a password was checked does not count."""
    assert is_attempt(data(**changes)) is counts


def test_a_failure_stands_against_what_was_typed() -> None:
    """In its one spelling, in all and for the address; without one against what the person signs in with."""
    typed = failed(identifier="JOE@x.com")
    assert typed == {("users", "joe@x.com"): Attempts(Tally(1, NOW), {"192.0.2.1": Tally(1, NOW)})}
    assert list(failed()) == [("users", "joe@example.com")]
    assert list(failed(identifier="x" * 513)) == [("users", SUBJECT)]
    assert list(failed(identifier="x" * 512)) == [("users", "x" * 512)]
    assert list(failed(identifier="")) == [("users", SUBJECT)]
    assert next(iter(failed(ip=None).values())).ips == {}


def test_failures_add_up() -> None:
    """At one place in all, and by address."""
    twice = failed(failed(identifier="joe"), 1, identifier="joe", ip="192.0.2.2")
    attempts = twice["users", "joe"]
    assert attempts.total == Tally(2, NOW + 60_000)
    assert attempts.ips == {"192.0.2.1": Tally(1, NOW), "192.0.2.2": Tally(1, NOW + 60_000)}


def test_a_success_leaves_what_other_addresses_did() -> None:
    """The total goes, and the failures from the address that got in; with none left the place goes too."""
    guard = failed(failed(identifier="joe"), identifier="joe", ip="192.0.2.2")
    assert after(guard, login(ip="192.0.2.1")) == {
        ("users", "joe"): Attempts(Tally(), {"192.0.2.2": Tally(1, NOW)})
    }
    assert after(guard, login(ip=None)) == {("users", "joe"): Attempts(Tally(), guard["users", "joe"].ips)}
    assert after(failed(), login(ip="192.0.2.1")) == {}


def test_an_unchanged_guard_is_the_identical_object() -> None:
    """An unchanged state is the identical object, so that no row is written for it."""
    nothing: Any = {}
    guard = failed(identifier="joe")
    assert failed(guard, reason="blocked") is guard
    assert after(guard, login(ip="192.0.2.1"), refused=True) is guard
    assert after(nothing, login()) is nothing
    assert after(nothing, flag(UserDeleted)) is nothing
    assert after(nothing, released(None)) is nothing
    assert after(guard, released("ann")) is guard
    assert after(guard, flag(UserBlocked)) is guard


def test_a_deletion_and_a_release_end_it() -> None:
    """A release is of the identifier it names, in any spelling, or of all of them."""
    guard = {**failed(identifier="joe"), **failed(identifier="ann")}
    assert after(guard, flag(UserDeleted)) == {}
    assert list(after(guard, released("JOE"))) == [("users", "ann")]
    assert after(guard, released(None)) == {}


def released(identifier: str | None) -> Any:
    return event(LoginBlockReleased, LoginBlockReleasedData(identifier=identifier))


def setting(**changes: Any) -> str:
    return exact_json.dumps(changes).decode()


def row(failures: int, ips: dict[str, int] | None = None, last: int = NOW) -> verdict.IdentifierFailures:
    tallies = {ip: Tally(count, last) for ip, count in (ips or {}).items()}
    return verdict.IdentifierFailures(("users", "joe"), Tally(failures, last), tallies)


def judged(forced: str | None = None, suspicious: str | None = None, **facts: Any) -> verdict.LoginVerdict:
    known = verdict.Facts(**{"ip": "192.0.2.1", **facts})
    return verdict.judge(known, protection.brute_force(forced), protection.suspicious_ip(suspicious), NOW)


def test_ten_failures_from_an_address_block_an_identifier_there() -> None:
    """With the default settings, ten failures block the identifier for that address only; nine do not."""
    assert judged(rows=[row(10, {"192.0.2.1": 10})]).ban is verdict.TOO_MANY_ATTEMPTS
    assert judged(rows=[row(9, {"192.0.2.1": 9})]).ban is None
    assert judged(rows=[row(10, {"192.0.2.2": 10})]).ban is None


def test_failures_from_everywhere_block_where_the_tenant_wants_it() -> None:
    """Counted by identifier, whatever the address; in one subject or several."""
    everywhere = setting(mode="count_per_identifier", max_attempts=3)
    assert judged(everywhere, rows=[row(1), row(2)]).ban is verdict.TOO_MANY_ATTEMPTS
    assert judged(everywhere, rows=[row(2)]).ban is None


def test_the_order_of_block_reasons() -> None:
    """An admin's block comes before one for failures, and that before one of the address."""
    many = {"rows": [row(10, {"192.0.2.1": 10})], "addresses": [Address(tuple([NOW] * 100))]}
    assert judged(blocked=True, **many).ban is verdict.USER_BLOCKED
    assert judged(**many).ban is verdict.TOO_MANY_ATTEMPTS
    assert judged(setting(enabled=False), **many).ban is verdict.SUSPICIOUS_IP
    assert judged(setting(enabled=False), setting(enabled=False), **many).ban is None


def test_a_shield_that_does_not_block_is_monitored() -> None:
    """The verdict contains the ban that a blocking protection would have set."""
    many = {"rows": [row(10, {"192.0.2.1": 10})], "addresses": [Address(tuple([NOW] * 100))]}
    quiet = judged(setting(shields=["user_notification"]), setting(shields=[]), **many)
    assert (quiet.ban, quiet.monitored) == (None, (verdict.TOO_MANY_ATTEMPTS, verdict.SUSPICIOUS_IP))


def test_a_trusted_address_is_not_looked_at() -> None:
    """An address or a range of the allowlist; others are."""
    many = [row(10, {"192.0.2.1": 10})]
    assert judged(setting(allowlist=["192.0.2.0/24"]), rows=many).ban is None
    assert judged(setting(allowlist=["198.51.100.0/24"]), rows=many).ban is verdict.TOO_MANY_ATTEMPTS
    assert protection.brute_force(setting(allowlist=["192.0.2.1"])).shield.applies_to(None)


def test_a_hundred_failures_from_an_address_are_too_many() -> None:
    """One comes back every 864 seconds; ninety-nine are not too many."""
    assert judged(addresses=[Address(tuple([NOW] * 100))]).ban is verdict.SUSPICIOUS_IP
    assert judged(addresses=[Address(tuple([NOW] * 99))]).ban is None
    assert judged(addresses=[Address(tuple([NOW - 864_000] * 100))]).ban is None
    assert judged(addresses=[Address(tuple([NOW - 863_999] * 100))]).ban is verdict.SUSPICIOUS_IP


def test_an_anonymous_failure_stands_against_one_identifier() -> None:
    """What was typed, else the first that its claims name, else the subject."""
    claims = {"email": "joe@x.com", "username": "joe"}
    nobody = f"anon_{1:032x}"

    def places(**changes: Any) -> list[str]:
        made = event(LoginFailed, data(**changes), subject=nobody)
        return [identifier for _, identifier in follow_anonymous({}, made)]

    assert places(claims=claims) == ["joe@x.com"]
    assert places(claims=claims, identifier="ann") == ["ann"]
    assert places(claims={"username": "joe"}) == ["joe"]
    assert places() == [nobody]
