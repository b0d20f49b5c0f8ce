"""The views of failed logins, by subject and by IP address.

A person's profile detects duplicate events. An anonymous subject has no profile, so its row detects them
itself.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from projections.applied import Applied, FollowingView
from projections.fold_view import (
    Change,
    DecidingView,
    Keys,
    Owner,
    Verdict,
    Write,
    WriteBatch,
    with_rows,
)
from projections.logged import Logged
from projections.login_guard.addresses import Address, address_of
from projections.login_guard.attempts import NO_FAILURES, Guard, follow, follow_anonymous, is_attempt
from projections.login_guard.row import (
    AddressKey,
    Subject,
    address_row,
    addresses_of,
    guard_row,
    guards_of,
)
from projections.row import Row
from schemas.events import Event, IpUnblocked, LoginBlockReleased, LoginFailed
from schemas.formats.identifiers import ANONYMOUS
from schemas.formats.instants import milliseconds

_PACKAGE: Final = "projections.login_guard"
_OF_ANONYMOUS: Final = frozenset(("profile.login.failed", "profile.login_block.released"))


class LoginGuardView(DecidingView[Subject, Guard], FollowingView[Subject, Guard]):
    """Failed logins by (tenant, subject)."""

    name = "login_guard"
    tables = ("login_guard",)
    read = "read_guards"
    absent = NO_FAILURES

    def decides(self, event_type: str, is_person: bool) -> bool:
        """Return whether the event is about the failures of an anonymous subject."""
        return not is_person and event_type in _OF_ANONYMOUS

    def key(self, event: Event) -> Subject:
        """Return the subject."""
        return event.tenant, event.subject

    def fold(self, state: Guard, event: LoginFailed | LoginBlockReleased) -> Guard:
        """Return an anonymous subject's failures after the event."""
        return follow_anonymous(state, event)

    def verdict(self, before: Guard, after: Guard, event: Event) -> Verdict:
        """Return whether the event was applied before."""
        return "duplicate" if after is before else "counts"

    def followed(self, applied: Applied) -> Subject | None:
        """Return the person whose profile decided on the event."""
        return None if applied.after is None else self.key(applied.event)

    def follow(self, state: Guard, applied: Applied) -> Guard:
        """Return a person's failures after the event."""
        return follow(state, applied)

    def touches(self, batch: Sequence[Logged], guarded: Collection[Owner]) -> set[Subject]:
        """Return the anonymous subjects, and the people who have failures."""
        anonymous = {self.key(one.event) for one in batch if one.event.subject.startswith(ANONYMOUS)}
        return anonymous.union(guarded)

    def states(self, rows: Iterable[Row], keys: Keys) -> dict[Subject, Guard]:
        """Return the failures by subject."""
        return guards_of(rows)

    def writes(self, changes: Mapping[Subject, Change[Guard]], keys: Keys) -> WriteBatch:
        """Return the statements that write changed failures and delete those that no longer count."""
        written = [
            guard_row(subject, key, one)
            for subject, change in changes.items()
            for key, one in change.after.items()
            if change.before.get(key) is not one
        ]
        gone = [
            (*subject, *key)
            for subject, change in changes.items()
            for key in change.before
            if key not in change.after
        ]
        return with_rows(Write(_PACKAGE, "delete_guards", gone), Write(_PACKAGE, "write_guards", written))


class IpGuardView(FollowingView[AddressKey, Address]):
    """Failed logins by (tenant, address, partition of the log)."""

    name = "login_guard"
    tables = ("ip_guard",)
    read = "read_addresses"
    crosses_subjects = True
    absent = Address()

    def followed(self, applied: Applied) -> AddressKey | None:
        """Return the address that the event is about."""
        return _address(applied.logged)

    def follow(self, state: Address, applied: Applied) -> Address:
        """Return the state of the address after the event."""
        at = milliseconds(applied.event.time)
        return state.released(at) if isinstance(applied.event, IpUnblocked) else state.failed(at)

    def touches(self, batch: Sequence[Logged], guarded: Collection[Owner]) -> set[AddressKey]:
        """Return the addresses that the events name."""
        return {key for logged in batch if (key := _address(logged)) is not None}

    def states(self, rows: Iterable[Row], keys: Keys) -> dict[AddressKey, Address]:
        """Return the failures by address and partition."""
        return addresses_of(rows)

    def writes(self, changes: Mapping[AddressKey, Change[Address]], keys: Keys) -> WriteBatch:
        """Return the statement that writes changed addresses."""
        rows = [address_row(key, change.after) for key, change in changes.items()]
        return with_rows(Write(_PACKAGE, "write_addresses", rows))


def _address(logged: Logged) -> AddressKey | None:
    event = logged.event
    match event.type:
        case "profile.ip.unblocked":
            ip = event.data.ip
        case "profile.login.failed":
            ip = event.data.ip if is_attempt(event.data) else None
        case _:
            return None
    return None if ip is None else (event.tenant, address_of(ip), logged.position.partition)


LOGIN_GUARD: Final = LoginGuardView()
IP_GUARD: Final = IpGuardView()
