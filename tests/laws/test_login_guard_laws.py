"""The laws of failed logins: splits, duplicates, who they are held against, when they are forgotten."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from projections.batch.fold import fold_batch
from projections.batch.views import Views
from projections.logged import Logged
from projections.login_guard.addresses import MAX_TIMES, Address, counting, is_exhausted
from projections.login_guard.attempts import EXPIRY_MS, MAX_IDENTIFIERS, MAX_IPS, Tally, follow_anonymous
from projections.login_guard.protection import brute_force
from projections.login_guard.row import guards_of
from projections.login_guard.verdict import IdentifierFailures, blocks
from projections.login_guard.view import IP_GUARD, LOGIN_GUARD
from projections.profile.view import PROFILE
from schemas.events import (
    IpUnblocked,
    IpUnblockedData,
    LoginBlockReleased,
    LoginBlockReleasedData,
    LoginFailed,
    LoginFailedData,
)
from schemas.formats import exact_json
from schemas.formats.identifiers import tenant_subject
from schemas.formats.instants import milliseconds
from tests.laws.events import IDENTIFIERS, START, SUBJECTS, TENANT, event_id, histories
from tests.laws.tables import Tables
from tests.samples.profile_events import on_the_log

NOBODY = f"anon_{1:032x}"
NOW = milliseconds(START) + 3_600_000
IPS = ["192.0.2.1", "198.51.100.2"]
MODELS = [LoginFailed, LoginFailed, LoginFailed, LoginBlockReleased, IpUnblocked]
VIEWS: tuple[Any, ...] = (LOGIN_GUARD, IP_GUARD)


class Rows:
    """The tables of failed logins in memory, beside those of people."""

    def __init__(self) -> None:
        self.people = Tables()
        self.guards: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        self.addresses: dict[tuple[Any, ...], tuple[Any, ...]] = {}

    def take(self, batch: Sequence[Logged]) -> None:
        """Folds one batch over the rows there are."""
        people = {person: self.people.read(person) for person in self.people.profile}
        outcome = fold_batch(Views({PROFILE: people, **self.read()}), batch)
        self.people.take([logged.event for logged in batch])
        writes = [write for view in VIEWS for write in view.writes(outcome.changes(view), {})]
        for _, query, rows in writes:
            for row in rows:
                if query == "delete_guards":
                    del self.guards[tuple(row)]
                elif query == "write_guards":
                    self.guards[tuple(row[:4])] = tuple(row[4:])
                else:
                    self.addresses[tuple(row[:3])] = tuple(row[3:])

    def read(self) -> dict[Any, Any]:
        """As read back from the rows."""
        names = ("tenant", "subject", "connection", "identifier", "failures", "last_failed", "ips", "memory")
        rows = [dict(zip(names, (*key, *row), strict=True)) for key, row in self.guards.items()]
        addresses = {
            key: Address(tuple(exact_json.loads("[" + times.strip("{}") + "]")), released)
            for key, (times, released) in self.addresses.items()
        }
        return {LOGIN_GUARD: guards_of(rows), IP_GUARD: addresses}

    def seen(self) -> Any:
        """Everything, as it can be compared."""
        return self.read()


def folded(batches: Iterable[Sequence[Logged]]) -> Rows:
    rows = Rows()
    for batch in batches:
        rows.take(batch)
    return rows


@st.composite
def anonymous_events(draw: st.DrawFn) -> list[Any]:
    """What anonymous subjects and the tenant did."""
    made = []
    for number in range(draw(st.integers(0, 10))):
        model = draw(
            st.sampled_from([LoginFailed, LoginFailed, LoginFailed, LoginBlockReleased, IpUnblocked])
        )
        data: Any
        if model is LoginFailed:
            data = failure(draw(IDENTIFIERS), draw(st.sampled_from(IPS)))
        elif model is LoginBlockReleased:
            data = LoginBlockReleasedData(identifier=draw(st.sampled_from(["a@x.com", "b@x.com", None])))
        else:
            data = IpUnblockedData(ip=draw(st.sampled_from(IPS)))
        subject = tenant_subject(TENANT) if model is IpUnblocked else NOBODY
        made.append(
            event(model, data, number, subject, f"1/9/{number}" if model is LoginFailed else None,
                  START + timedelta(seconds=draw(st.integers(0, 600))))
        )  # fmt: skip
    return made


def failure(identifier: str | None, ip: str | None = IPS[0], **changes: Any) -> LoginFailedData:
    given = {"connection": "users", "strategy": "auth0", "reason": "wrong_password"}
    return LoginFailedData(**{**given, "identifier": identifier, "ip": ip, **changes})


def event(
    model: type[Any], data: Any, number: int, subject: str, position: str | None = None, time: Any = START
) -> Any:
    return model(
        id=event_id(20_000 + number), source="/vita/test", subject=subject, time=time, tenant=TENANT,
        actor="system:test", sourceposition=position, data=data,
    )  # fmt: skip


streams = st.tuples(histories(people=2, max_size=10), anonymous_events()).flatmap(
    lambda parts: st.permutations(range(len(parts[0]) + len(parts[1]))).map(
        lambda order: merged(parts[0], parts[1], order)
    )
)


def merged(one: list[Any], other: list[Any], order: Sequence[int]) -> list[Any]:
    """An interleaving of two streams that keeps the order of each."""
    queues = [iter(one), iter(other)]
    return [next(queues[place >= len(one)]) for place in order]


@given(streams, st.integers(0, 20), st.integers(0, 20))
def test_any_split_gives_the_same_rows(stream: list[Any], first: int, second: int) -> None:
    """At once, one by one, or cut anywhere with rows written and read between."""
    log = on_the_log(stream)
    cuts = sorted((first % (len(log) + 1), second % (len(log) + 1)))
    at_once = folded([log]).seen()
    assert folded([log[: cuts[0]], log[cuts[0] : cuts[1]], log[cuts[1] :]]).seen() == at_once
    assert folded([logged] for logged in log).seen() == at_once


@given(anonymous_events(), st.integers(0, 99), st.integers(0, 99), st.booleans())
def test_an_anonymous_failure_counts_once(
    stream: list[Any], which: int, where: int, by_position: bool
) -> None:
    """Emitted again by source position under another id, or sent again by a gateway: nothing changes."""
    failures = [number for number, one in enumerate(stream) if isinstance(one, LoginFailed)]
    if not failures:
        return
    first = failures[which % len(failures)]
    change = {"id": event_id(77)} if by_position else {"sourceposition": "1/77/5"}
    again = list(stream)
    again.insert(first + 1 + where % (len(stream) - first), stream[first].model_copy(update=change))
    once, twice = folded([on_the_log(stream)]).read(), folded([on_the_log(again)]).read()
    assert counts(once) == counts(twice)
    assert once[IP_GUARD] == twice[IP_GUARD]


def counts(guards: dict[Any, Any]) -> Any:
    """Everything but what recognises duplicates."""
    return {
        (subject, place): (attempts.total, attempts.ips)
        for subject, guard in guards[LOGIN_GUARD].items()
        for place, attempts in guard.items()
    }


@given(streams)
def test_a_replay_changes_nothing(stream: list[Any]) -> None:
    """Logins read again from the start, as after a crash, are all known."""
    logins = [one for one in stream if one.sourceposition is not None]
    assert counts(folded([on_the_log([*logins, *logins])]).read()) == counts(
        folded([on_the_log(logins)]).read()
    )


@given(histories(people=2, max_size=12))
def test_nothing_stands_against_who_has_no_document_any_more(stream: list[Any]) -> None:
    """After a deletion or a password change no failures remain; a person's rows have no memory of their
    own."""
    rows = folded([on_the_log(stream)])
    for subject, guard in rows.read()[LOGIN_GUARD].items():
        assert guard
        assert subject[1] in SUBJECTS
    assert all(row[-1] is None for row in rows.guards.values())


def test_no_one_can_fill_the_table() -> None:
    """Addresses per identifier and identifiers per subject are bounded; the latest are kept."""
    guard: Any = {}
    for number in range(MAX_IPS + 10):
        made = event(LoginFailed, failure("a", f"10.0.{number // 256}.{number % 256}"), number, NOBODY,
                     f"1/9/{number}", START + timedelta(seconds=number))  # fmt: skip
        guard = follow_anonymous(guard, made)
    attempts = guard["users", "a"]
    assert (len(attempts.ips), attempts.total.failures) == (MAX_IPS, MAX_IPS + 10)
    assert "10.0.0.9" not in attempts.ips
    assert "10.0.0.10" in attempts.ips
    for number in range(MAX_IDENTIFIERS + 5):
        made = event(LoginFailed, failure(f"n{number}"), 5000 + number, NOBODY, f"1/8/{number}",
                     START + timedelta(hours=1, seconds=number))  # fmt: skip
        guard = follow_anonymous(guard, made)
    assert len(guard) == MAX_IDENTIFIERS
    assert ("users", f"n{MAX_IDENTIFIERS + 4}") in guard
    address = Address()
    for number in range(MAX_TIMES + 5):
        address = address.failed(number)
    assert address.times == tuple(range(5, MAX_TIMES + 5))


@given(
    st.lists(st.integers(0, 4000), max_size=60), st.integers(1, 5), st.integers(1, 300), st.integers(0, 5000)
)
def test_the_bucket_is_the_one_that_refills_as_time_goes_by(
    times: list[int], capacity: int, rate: int, now: int
) -> None:
    """The result equals that of a simulation in milliseconds with fractions of tokens."""
    ordered = sorted(times)
    tokens, clock = Fraction(capacity), None
    for time in [*ordered, max([now, *ordered[-1:]])]:
        if clock is not None:
            tokens = min(Fraction(capacity), tokens + Fraction(time - clock, rate))
        clock = time
        if len(ordered) > 0 and tokens >= 1:
            ordered_left = ordered.pop(0)
            assert ordered_left == time
            tokens -= 1
        elif ordered:
            ordered.pop(0)
    assert is_exhausted(sorted(times), capacity, rate, now) is (tokens < 1)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50)), max_size=30), st.integers(0, 50))
def test_a_released_address_starts_from_zero(parts: list[tuple[int, int]], released: int) -> None:
    """Whichever partition knows a failure and whichever the release, only later ones count."""
    rows = [Address(), Address(), Address().released(released)]
    for partition, time in parts:
        rows[partition] = rows[partition].failed(time)
    assert counting(rows) == sorted(time for _, time in parts if time > released)


@given(
    st.lists(st.tuples(st.sampled_from(IPS), st.integers(0, 12), st.integers(0, 40)), max_size=6),
    st.booleans(),
    st.integers(1, 12),
)
def test_blocked_is_who_failed_often_enough(
    found: list[tuple[str, int, int]], by_ip: bool, threshold: int
) -> None:
    """Failures of all subjects add up, expired ones do not, and a higher threshold never blocks more."""
    day = EXPIRY_MS // 30
    rows = [
        IdentifierFailures(
            ("users", "a"), Tally(count, NOW - days * day), {ip: Tally(count, NOW - days * day)}
        )
        for ip, count, days in found
    ]
    living = [(ip, count) for ip, count, days in found if days <= 30]
    wanted: set[str | None]
    if by_ip:
        wanted = {ip for ip in IPS if sum(n for known, n in living if known == ip) >= threshold}
        wanted &= {ip for ip, _, _ in found}
    else:
        wanted = {None} if found and sum(n for _, n in living) >= threshold else set()
    assert {block.ip for block in blocks(rows, protection(by_ip, threshold), NOW)} == wanted
    higher = {block.ip for block in blocks(rows, protection(by_ip, threshold + 1), NOW)}
    assert higher <= wanted


def protection(by_ip: bool, threshold: int) -> Any:
    mode = "count_per_identifier_and_ip" if by_ip else "count_per_identifier"
    return brute_force(exact_json.dumps({"mode": mode, "max_attempts": threshold}).decode())
