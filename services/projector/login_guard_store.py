"""Failed logins on their way through a batch: read once the events are open, because only those say which
address and identifier it was."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from projections.applied import Applied, Logged
from projections.login_guard.addresses import Address, address_of
from projections.login_guard.attempts import (
    NOTHING,
    Guard,
    follow,
    is_attempt,
    of_nobody,
)
from projections.login_guard.row import AddressKey, Subject, address_row, addresses_of, guard_row, guards_of
from schemas.events import (
    IpUnblocked,
    LoginBlockReleased,
    LoginFailed,
)
from schemas.formats.identifiers import ANONYMOUS, PERSON
from schemas.formats.instants import milliseconds
from services.projector.event_views import Write
from services.runtime.postgres.named_queries import load


@dataclass(slots=True)
class Guards:
    """Failures by subject and by address; what is not there has none."""

    subjects: dict[Subject, Guard] = field(default_factory=dict)
    addresses: dict[AddressKey, Address] = field(default_factory=dict)

    def over(self, stored: "Guards") -> "Guards":
        """What was read, with what is known better."""
        return Guards(stored.subjects | self.subjects, stored.addresses | self.addresses)

    def take(self, newer: "Guards") -> None:
        """Knows better from now on."""
        self.subjects |= newer.subjects
        self.addresses |= newer.addresses

    def is_new(self, logged: Logged) -> bool:
        """Takes in what an anonymous subject did; False for what was taken in before."""
        event = logged.event
        if isinstance(event, LoginFailed | LoginBlockReleased) and not event.subject.startswith(PERSON):
            key = event.tenant, event.subject
            before = self.subjects.get(key, NOTHING)
            self.subjects[key] = of_nobody(before, event)
            return self.subjects[key] is not before
        return True

    def follow(self, applied: Applied) -> None:
        """Takes in an event that counted."""
        event = applied.event
        if applied.after is not None:
            key = event.tenant, event.subject
            before = self.subjects.get(key, NOTHING)
            after = follow(before, applied)
            if after is not before:
                self.subjects[key] = after
        if (address := _address(applied.logged)) is not None:
            known, at = self.addresses.get(address, Address()), milliseconds(event.time)
            released = isinstance(event, IpUnblocked)
            self.addresses[address] = known.released(at) if released else known.failed(at)

    def writes(self, before: "Guards") -> list[Write]:
        """The statements that put in place what changed since."""
        queries = load("projections.login_guard")
        written, gone = [], []
        for subject, guard in self.subjects.items():
            old = before.subjects.get(subject, NOTHING)
            written += [
                guard_row(subject, place, one) for place, one in guard.items() if old.get(place) is not one
            ]
            gone += [(*subject, *place) for place in old if place not in guard]
        moved = [
            address_row(key, one)
            for key, one in self.addresses.items()
            if before.addresses.get(key) is not one
        ]
        found = (
            (queries["delete_guards"], gone),
            (queries["write_guards"], written),
            (queries["write_addresses"], moved),
        )
        return [write for write in found if write[1]]


async def read_guards(
    connect: Callable[[], Any], batch: Sequence[Logged], guarded: Collection[Subject]
) -> Guards:
    """The failures a batch starts from. `guarded` are the people there are rows of; mostly nobody."""
    nobodies = {(e.event.tenant, e.event.subject) for e in batch if e.event.subject.startswith(ANONYMOUS)}
    subjects = sorted(nobodies.union(guarded))
    addresses = sorted({key for logged in batch if (key := _address(logged)) is not None})
    if not subjects and not addresses:
        return Guards()
    queries = load("projections.login_guard")
    async with connect() as connection:
        guards = Guards(
            guards_of(await connection.fetch(queries["read_guards"], *_columns(subjects)) if subjects else ())
        )
        if addresses:
            rows = await connection.fetch(queries["read_addresses"], *_columns(addresses))
            guards.addresses = addresses_of(rows)
    return guards


def _address(logged: Logged) -> AddressKey | None:
    """The address an event says something of."""
    event = logged.event
    match event:
        case IpUnblocked() if event.data.ip is not None:
            return event.tenant, address_of(event.data.ip), logged.position.partition
        case LoginFailed() if event.data.ip is not None and is_attempt(event.data):
            return event.tenant, address_of(event.data.ip), logged.position.partition
    return None


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
