"""The demo population: deterministic for a seed, valid for the gateway's contract, and with irregular
data."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest

from projections.normalization import ConnectionSettings, identify
from schemas.formats import exact_json, instants
from schemas.logins.raw_login import parse_raw_login
from services.demo import edits, golden, show
from services.demo.connections import CONNECTIONS
from services.demo.gateway import batches
from services.demo.logins import logins
from services.demo.population import Population, payload, plain_user_id
from services.demo.stream import stream

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
Event = dict[str, Any]


@pytest.fixture(scope="module")
def population() -> Population:
    return Population()


@pytest.fixture(scope="module")
def events(population: Population) -> list[Event]:
    return list(logins(population, NOW))


def leaves(value: Any) -> Iterator[Any]:
    """Every scalar inside a JSON value."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if children is None:
        yield value
    else:
        for child in children:
            yield from leaves(child)


def claims_by_person(events: list[Event]) -> dict[tuple[str, str], list[Event]]:
    """Claims of each member's logins at each connection, in time order."""
    found: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in events:
        if event["data"]["claims"]:
            person = event["id"].rpartition("-")[0]
            found[person, event["data"]["connection"]].append(event["data"]["claims"])
    return found


def test_same_seed_same_bytes(events: list[Event]) -> None:
    """Equal seeds and times give equal bytes, another seed gives others."""
    again = list(map(exact_json.dumps, logins(Population(), NOW)))
    assert again == list(map(exact_json.dumps, events))
    assert again != list(map(exact_json.dumps, logins(Population(seed=8), NOW)))


def test_a_larger_population_begins_with_the_same_people(population: Population) -> None:
    """A larger population does not change the members of a smaller one."""
    larger = Population(size=1500)
    assert list(population.members()) == list(islice(larger.members(), 1000))


@pytest.mark.parametrize("seed", [7, 8, 2026])
def test_every_event_keeps_the_contract(seed: int) -> None:
    """Each event is one the gateway's contract accepts, named once, inside the period."""
    raw = [exact_json.dumps(event) for event in logins(Population(seed=seed), NOW)]
    parsed = [parse_raw_login(line) for line in raw]
    assert len({(login.source, login.id) for login in parsed}) == len(parsed)
    times = [login.time for login in parsed if login.time is not None]
    assert times == sorted(times)
    assert times[-1] < NOW
    assert len(times) == len(parsed)


def test_enough_people_strategies_and_logins(population: Population, events: list[Event]) -> None:
    """At least a thousand people, twelve strategies and several logins each; every connection is used."""
    assert population.size >= 1000
    assert len({event["data"]["strategy"] for event in events}) >= 20
    assert {event["data"]["connection"] for event in events} == {one.name for one in CONNECTIONS}
    assert 3500 <= len(events) <= 4500


def test_each_provider_is_first_met_with_success(population: Population, events: list[Event]) -> None:
    """A member's first login at a provider succeeds, so that every planned profile is created."""
    outcomes: dict[tuple[str, str], list[str]] = defaultdict(list)
    for event in events:
        person, _, _number = event["id"].rpartition("-")
        if not person.endswith("stranger"):
            outcomes[person, event["data"]["connection"]].append(event["data"]["outcome"])
    assert all(seen[0] == "success" for seen in outcomes.values())
    assert len(outcomes) == population.profiles() + 1


def test_the_mapping_agrees_about_identities(population: Population) -> None:
    """Every member has a separate identity at each provider, and the mapping finds the one that the demo
    expects."""
    seen: set[tuple[str, str]] = set()
    for person in population.members():
        for connection in person.connections:
            claims = payload(person, connection, later=False, first_time=False, at=0)
            provider, idp_id = identify(ConnectionSettings(connection.name, connection.strategy, {}), claims)
            assert plain_user_id(person, connection) in (None, f"{provider}|{idp_id}")
            seen.add((provider, idp_id))
    assert len(seen) == population.profiles()


def test_failures_of_several_kinds(events: list[Event]) -> None:
    """Wrong passwords, blocks and unknown identifiers occur, each with an identifier."""
    failures = [event["data"] for event in events if event["data"]["outcome"] == "failure"]
    reasons = Counter(failure["reason"] for failure in failures)
    assert reasons.keys() >= {"wrong_password", "blocked", "invalid_user", "access_denied"}
    assert all(failure["identifier"] for failure in failures)


def test_names_and_pictures_change(events: list[Event]) -> None:
    """Some people come back with another family name, some with another picture."""
    changed: Counter[str] = Counter()
    for (_, connection), seen in claims_by_person(events).items():
        if connection == "google-oauth2":
            changed.update(key for key in ("family_name", "picture") if len({one[key] for one in seen}) > 1)
    assert changed["family_name"] > 0
    assert changed["picture"] > 0


def test_identities_do_not_change(population: Population, events: list[Event]) -> None:
    """A provider's id of a member is equal at every login, and ids of two members differ."""
    people = {f"{population.seed}-{person.index}": person for person in population.members()}
    plain: dict[str, set[str]] = defaultdict(set)
    for (number, _), seen in claims_by_person(events).items():
        for claims in seen if number in people else ():
            for connection in people[number].connections:
                user_id = plain_user_id(people[number], connection)
                if user_id is not None and user_id.partition("|")[2] in map(str, leaves(claims)):
                    plain[user_id].add(number)
    assert len(plain) > 500
    assert all(len(owners) == 1 for owners in plain.values())


@pytest.mark.parametrize(
    "script",
    [
        "CYRILLIC",
        "GREEK",
        "CJK",
        "HIRAGANA",
        "KATAKANA",
        "HANGUL",
        "ARABIC",
        "HEBREW",
        "DEVANAGARI",
        "THAI",
        "ARMENIAN",
    ],
)
def test_names_in_many_scripts(population: Population, script: str) -> None:
    """A member's name is written in this script."""
    names = "".join(person.given.written + person.family.written for person in population.members())
    assert any(unicodedata.name(letter, "").startswith(script) for letter in set(names))


def test_missing_mail_addresses(events: list[Event]) -> None:
    """Providers leave the address out, send null, or send an empty string."""
    claims = [event["data"]["claims"] for event in events if event["data"]["outcome"] == "success"]
    missing = {(key in one, one.get(key)) for one in claims for key in ("email", "mail")}
    assert {(False, None), (True, None), (True, "")} <= missing


def test_ids_beyond_a_double_and_beyond_64_bits(events: list[Event]) -> None:
    """Bare integer ids above 2^53 and above 2^64 occur and survive encoding exactly."""
    numbers = {one for event in events for one in leaves(event["data"]["claims"]) if type(one) is int}
    assert any(2**53 < number < 2**64 for number in numbers)
    beyond = {number for number in numbers if number > 2**64}
    assert beyond
    assert set(exact_json.loads(exact_json.dumps(sorted(beyond)))) == beyond


def test_apple_tells_the_name_once(events: list[Event]) -> None:
    """Apple sends the name with the first login only, and some relayed addresses."""
    at_apple = [seen for (_, connection), seen in claims_by_person(events).items() if connection == "apple"]
    assert all("user" in seen[0] for seen in at_apple)
    assert not any("user" in claims for seen in at_apple for claims in seen[1:])
    assert any("is_private_email" in seen[0] for seen in at_apple)


def test_only_reserved_example_addresses(events: list[Event]) -> None:
    """Mail domains, picture hosts and phone numbers are from the ranges kept for examples."""
    texts = [leaf for event in events for leaf in leaves(event["data"]["claims"]) if isinstance(leaf, str)]
    domains = {text.rpartition("@")[2] for text in texts if re.fullmatch(r"[^\s@/]+@[\w.-]+", text)}
    allowed = re.compile(r"(.+\.)?example\.(com|org|net)|privaterelay\.appleid\.com")
    assert all(allowed.fullmatch(domain) for domain in domains)
    assert all(re.fullmatch(r"\+1\d{3}55501\d\d", text) for text in texts if text.startswith("+"))


@pytest.mark.parametrize("seed", [7, 8])
def test_golden_person_is_the_same_for_every_seed(seed: int) -> None:
    """The golden user's events are equal for all seeds, and her newest login is the newest of all."""
    found = [
        event for event in logins(Population(seed=seed, size=50), NOW) if event["source"] == golden.SOURCE
    ]
    assert [event["id"] for event in found] == [f"golden-{number}" for number in range(5)]
    assert Counter(event["data"]["outcome"] for event in found)["success"] == golden.SUCCESSES
    assert {f"facebook|{event['data']['claims']['id']}" for event in found} == {golden.USER_ID}
    assert found[-1]["data"]["claims"] == golden.last_claims() != found[0]["data"]["claims"]
    assert list(logins(Population(seed=seed, size=50), NOW))[-1] == found[-1]


def test_stream_keeps_the_contract() -> None:
    """A stream has the requested number of valid, different logins of the requested members, in order."""
    records = list(stream(Population(size=40), 100, NOW, run="a", per_second=10))
    parsed = [parse_raw_login(record.value) for record in records]
    assert len({login.id for login in parsed}) == len(records) == 100
    assert len({record.key for record in records}) == 40
    assert [login.time for login in parsed] == sorted(login.time for login in parsed if login.time)
    assert instants.render(parsed[-1].time or NOW) == "2026-11-23T10:00:09.900Z"
    assert {login.id for login in parsed}.isdisjoint(
        parse_raw_login(record.value).id for record in stream(Population(size=40), 100, NOW, run="b")
    )


def test_batches_keep_order_and_size(events: list[Event]) -> None:
    """Batches hold every event once, in order, within ingest's limit."""
    cut = list(batches(events, 500))
    assert [event for batch in cut for event in batch] == events
    assert {len(batch) for batch in cut[:-1]} == {500}


def test_edits_are_the_same_for_every_run(population: Population) -> None:
    """The administrator's edits name users of the population and are recognised once they have happened."""
    planned = edits.edits(population)
    assert planned == edits.edits(Population())
    assert golden.USER_ID in {edit.user_id for edit in planned}
    for edit in planned:
        assert edits.covers({"user_id": edit.user_id, **edit.bodies[-1]}, edit.bodies[-1])
    assert not edits.covers({"app_metadata": {"plan": "gold"}}, {"app_metadata": {"plan": "silver"}})
    assert not edits.covers({}, {"blocked": True})


def test_the_table_shows_one_of_each_connection() -> None:
    """The list begins with the requested user and has one user of every connection before a second one of
    any."""
    users = [
        {"user_id": f"{connection}|{number}", "identities": [{"connection": connection}]}
        for connection in ("facebook", "github", "sms")
        for number in range(3)
    ]
    chosen = show.one_per_connection(users, "github|2", rows=4)
    assert chosen[0]["user_id"] == "github|2"
    assert {user["identities"][0]["connection"] for user in chosen[:3]} == {"facebook", "github", "sms"}
    assert len(chosen) == 4
