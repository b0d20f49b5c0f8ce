"""Produces many logins cheaply: a member's event is rendered once; repetitions differ only in id and time."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from schemas.formats import exact_json, instants
from services.demo.logins import envelope, login_data
from services.demo.members import DemoMember
from services.demo.population import Population, Visit

_MARK_ID = "\u2400id\u2400"
_MARK_TIME = "1999-12-31T23:59:59.999Z"
_MARK_MS = 946_684_799_999


class StreamRecord(NamedTuple):
    """A record for `logins.raw`: a key per member, and the raw login as bytes."""

    key: bytes
    value: bytes


def stream(
    population: Population, count: int, start: datetime, *, run: str = "stream", per_second: int = 1000
) -> Iterator[StreamRecord]:
    """Yield `count` logins of the population's members in rounds, `per_second` of them per second of event
    time.

    Times begin at `start`. About one login in twenty-five fails. `run` makes the ids of two streams
    differ.
    """
    templates = [_template(population, member) for member in population.members()]
    start_ms, size, suffix = int(start.timestamp() * 1000), len(templates), run.encode()
    for number in range(count):
        key, head, middle, tail = templates[number % size]
        at = instants.render(instants.from_milliseconds(start_ms + number * 1000 // per_second)).encode()
        yield StreamRecord(key, b"%b%b-%d%b%b%b" % (head, suffix, number, middle, at, tail))


def always_fails(member: DemoMember) -> bool:
    """Return whether this member's logins in a stream fail."""
    return member.dice.chance("always fails", 4)


def _template(population: Population, member: DemoMember) -> tuple[bytes, bytes, bytes, bytes]:
    connection = member.connections[0]
    failure = "blocked" if always_fails(member) else None
    visit = Visit(
        at_ms=_MARK_MS, who=member.index, number=0, home=0, first_time=True, later=False, failure=failure
    )
    event = envelope(population.tenant, "/gateways/demo/load", _MARK_ID, _MARK_MS, login_data(member, visit))
    head, _, rest = exact_json.dumps(event).partition(_MARK_ID.encode())
    middle, _, tail = rest.partition(_MARK_TIME.encode())
    return f"{population.tenant}/{connection.name}|{member.dice.key}".encode(), head, middle, tail
