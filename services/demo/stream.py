"""Many logins cheaply: each person's event is rendered once, repeats differ in id and time only."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from schemas.formats import exact_json, instants
from services.demo.logins import envelope, login_data
from services.demo.people import Person
from services.demo.population import Population, Visit

_MARK_ID = "\u2400id\u2400"
_MARK_TIME = "1999-12-31T23:59:59.999Z"
_MARK_MS = 946_684_799_999


class Record(NamedTuple):
    """A record for `logins.raw`: one key per person, the raw login as bytes."""

    key: bytes
    value: bytes


def stream(
    population: Population, count: int, start: datetime, *, run: str = "stream", per_second: int = 1000
) -> Iterator[Record]:
    """`count` logins over the population's people, round after round, `per_second` of them in a second of
    event time from `start`; about one in twenty-five fails. `run` makes the ids of two streams differ."""
    templates = [_template(population, person) for person in population.people()]
    start_ms, size, suffix = int(start.timestamp() * 1000), len(templates), run.encode()
    for number in range(count):
        key, head, middle, tail = templates[number % size]
        at = instants.render(instants.from_milliseconds(start_ms + number * 1000 // per_second)).encode()
        yield Record(key, b"%b%b-%d%b%b%b" % (head, suffix, number, middle, at, tail))


def always_fails(person: Person) -> bool:
    """Whether this person's logins in a stream are failures."""
    return person.dice.chance("always fails", 4)


def _template(population: Population, person: Person) -> tuple[bytes, bytes, bytes, bytes]:
    connection = person.connections[0]
    failure = "blocked" if always_fails(person) else None
    visit = Visit(_MARK_MS, person.index, 0, 0, True, False, failure)
    event = envelope(population.tenant, "/gateways/demo/load", _MARK_ID, _MARK_MS, login_data(person, visit))
    head, _, rest = exact_json.dumps(event).partition(_MARK_ID.encode())
    middle, _, tail = rest.partition(_MARK_TIME.encode())
    return f"{population.tenant}/{connection.name}|{person.dice.key}".encode(), head, middle, tail
