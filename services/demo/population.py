"""The population: a seed, a size, and everything that follows from them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from services.demo import people
from services.demo.connections import DATABASE, Connection
from services.demo.face import face
from services.demo.people import Person
from services.demo.shapes import catalogue
from services.demo.shapes.catalogue import Claims


@dataclass(frozen=True, slots=True)
class Population:
    """People 0 … size-1 of a seed; `logins_per_person` is an average, `days` the simulated period."""

    seed: int = 7
    size: int = 1000
    tenant: str = "demo"
    logins_per_person: int = 4
    days: int = 30

    def person(self, index: int) -> Person:
        """The person with this number; a larger population begins with the same people."""
        return _person(self.seed, index)

    def people(self) -> Iterator[Person]:
        """Everybody, in order."""
        return map(self.person, range(self.size))

    def profiles(self) -> int:
        """How many profiles exist once everybody has signed in through each of their providers."""
        return sum(len(person.connections) for person in self.people())


class Visit(NamedTuple):
    """One planned login, cheap enough to sort by time before anything is rendered."""

    at_ms: int
    who: int
    number: int
    home: int
    first_time: bool
    later: bool
    failure: str | None


MISTYPED: Final = "wrong_password"
BLOCKED: Final = "blocked"
DENIED: Final = "access_denied"


def visits(population: Population, person: Person, now_ms: int) -> list[Visit]:
    """A person's logins in the period that ends at `now_ms`, oldest first: each provider's first succeeds."""
    dice, homes = person.dice, person.connections
    count = max(1 + dice.number("visits", 2 * population.logins_per_person - 1), len(homes))
    span = population.days * 86_400_000
    times = sorted(now_ms - 60_000 - dice.number(f"time {number}", span) for number in range(count))
    return [_visit(person, number, count, at_ms) for number, at_ms in enumerate(times)]


def _visit(person: Person, number: int, count: int, at_ms: int) -> Visit:
    homes = len(person.connections)
    connection = number if number < homes else person.dice.number(f"which home {number}", homes)
    first_time = number < homes
    failure = None if first_time else _failure(person, person.connections[connection], number)
    return Visit(
        at_ms, person.index, number, connection, first_time, 2 * number >= count and not first_time, failure
    )


def _failure(person: Person, connection: Connection, number: int) -> str | None:
    if not person.dice.chance(f"fails {number}", 22 if connection is DATABASE else 6):
        return None
    if connection is DATABASE:
        return person.dice.pick(f"why {number}", (MISTYPED, MISTYPED, MISTYPED, BLOCKED))
    return person.dice.pick(f"why {number}", (BLOCKED, DENIED))


def payload(person: Person, connection: Connection, *, later: bool, first_time: bool, at: int) -> Claims:
    """What this person's provider returns at this time."""
    return catalogue.claims(connection, face(person, connection, later=later, first_time=first_time, at=at))


def plain_user_id(person: Person, connection: Connection) -> str | None:
    """The profile's `user_id`, where the payload alone decides it."""
    return catalogue.plain_user_id(
        connection, payload(person, connection, later=False, first_time=False, at=0)
    )


@lru_cache(maxsize=50_000)
def _person(seed: int, index: int) -> Person:
    return people.person(seed, index)
