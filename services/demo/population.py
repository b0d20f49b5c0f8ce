"""A population: everything follows from its seed and its size."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from services.demo.connections import DATABASE, DemoConnection
from services.demo.face import face
from services.demo.members import DemoMember, member
from services.demo.shapes import catalogue
from services.demo.shapes.catalogue import Claims


@dataclass(frozen=True, slots=True)
class Population:
    """Members 0 … size-1 of a seed. `logins_per_person` is an average, `days` the simulated period."""

    seed: int = 7
    size: int = 1000
    tenant: str = "demo"
    logins_per_person: int = 4
    days: int = 30

    def member(self, index: int) -> DemoMember:
        """Return the member with this number. A larger population begins with the same members."""
        return _person(self.seed, index)

    def members(self) -> Iterator[DemoMember]:
        """Yield all members in order."""
        return map(self.member, range(self.size))

    def profiles(self) -> int:
        """Return the number of profiles once every member has logged in through each of its connections."""
        return sum(len(member.connections) for member in self.members())


class Visit(NamedTuple):
    """A planned login, small enough to sort all of them by time before rendering any."""

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


def visits(population: Population, member: DemoMember, now_ms: int) -> list[Visit]:
    """Return a member's logins in the period that ends at `now_ms`, oldest first.

    The first login of each connection succeeds.
    """
    dice, homes = member.dice, member.connections
    count = max(1 + dice.number("visits", 2 * population.logins_per_person - 1), len(homes))
    span = population.days * 86_400_000
    times = sorted(now_ms - 60_000 - dice.number(f"time {number}", span) for number in range(count))
    return [_visit(member, number, count, at_ms) for number, at_ms in enumerate(times)]


def _visit(member: DemoMember, number: int, count: int, at_ms: int) -> Visit:
    homes = len(member.connections)
    connection = number if number < homes else member.dice.number(f"which home {number}", homes)
    first_time = number < homes
    failure = None if first_time else _failure(member, member.connections[connection], number)
    return Visit(
        at_ms=at_ms,
        who=member.index,
        number=number,
        home=connection,
        first_time=first_time,
        later=2 * number >= count and not first_time,
        failure=failure,
    )


def _failure(member: DemoMember, connection: DemoConnection, number: int) -> str | None:
    if not member.dice.chance(f"fails {number}", 22 if connection is DATABASE else 6):
        return None
    if connection is DATABASE:
        return member.dice.pick(f"why {number}", (MISTYPED, MISTYPED, MISTYPED, BLOCKED))
    return member.dice.pick(f"why {number}", (BLOCKED, DENIED))


def payload(
    member: DemoMember, connection: DemoConnection, *, later: bool, first_time: bool, at: int
) -> Claims:
    """Return the claims that the provider returns for this member at this time."""
    return catalogue.claims(connection, face(member, connection, later=later, first_time=first_time, at=at))


def plain_user_id(member: DemoMember, connection: DemoConnection) -> str | None:
    """Return the profile's `user_id` if the claims alone determine it, otherwise None."""
    return catalogue.plain_user_id(
        connection, payload(member, connection, later=False, first_time=False, at=0)
    )


@lru_cache(maxsize=50_000)
def _person(seed: int, index: int) -> DemoMember:
    return member(seed, index)
