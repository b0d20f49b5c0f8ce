"""Counts by day of a run of events. They add up for any split of the log. Pure."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

from projections.applied import Applied
from schemas.events import LoginFailed, LoginSucceeded, UserCreated
from schemas.logins.reasons import code_of

LEAKED = "pwd_leak"


class Day(NamedTuple):
    """The key of a row. It includes the partition, so that a row is written by one projector only."""

    tenant: str
    date: date
    partition: int


class Counts(NamedTuple):
    """Numbers of events, and the broker times of the first and the last of them."""

    logins: int
    signups: int
    leaked_passwords: int
    first: datetime
    last: datetime


def days(run: Iterable[Applied]) -> dict[Day, Counts]:
    """Return the counts that a run of events adds, by row."""
    found: dict[Day, Counts] = {}
    for applied in run:
        login, signup, leaked = _counted(applied)
        if not (login or signup or leaked):
            continue
        logged = applied.logged
        day = Day(logged.event.tenant, logged.event.time.date(), logged.position.partition)
        at = logged.recorded_at
        known = found.get(day)
        if known is None:
            found[day] = Counts(login, signup, leaked, at, at)
        else:
            found[day] = Counts(
                known.logins + login,
                known.signups + signup,
                known.leaked_passwords + leaked,
                min(known.first, at),
                max(known.last, at),
            )
    return found


def _counted(applied: Applied) -> tuple[int, int, int]:
    """Return the numbers of logins, signups and leaked passwords. A new user is a signup; a user who becomes
    separate again through an unlink is not."""
    event, before, after = applied.event, applied.before, applied.after
    login = isinstance(event, LoginSucceeded)
    leaked = isinstance(event, LoginFailed) and code_of(event.data.reason) == LEAKED
    made = (
        isinstance(event, LoginSucceeded | UserCreated)
        and before is not None
        and after is not None
        and before.document is None
        and after.document is not None
    )
    return int(login), int(made), int(leaked)
