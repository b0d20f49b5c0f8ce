"""Failed logins of one subject by connection and identifier: `follow` for a person, `follow_anonymous` for a
subject without a profile."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from projections.applied import Applied
from projections.login_guard.addresses import address_of
from projections.profile.memory import is_duplicate, remember
from projections.profile.state import Memory
from schemas.events import LoginBlockReleased, LoginFailed, LoginFailedData
from schemas.formats.instants import milliseconds
from schemas.formats.spelling import identifier_key
from schemas.logins.reasons import OTHER, code_of

EXPIRY_MS: Final = 30 * 24 * 3600 * 1000
"""The time after the last failed attempt, in milliseconds, at which failures expire."""
MAX_IPS: Final = 1000
MAX_IDENTIFIERS: Final = 50
MAX_IDENTIFIER_LENGTH: Final = 512
_TRIED: Final = frozenset(("fp", "fu", OTHER))
"""Codes of failed logins that count as attempts. Logins that were refused before a password was checked,
logins with the right password and logins without a password do not count."""
_BLOCKED: Final = frozenset(
    ("unauthorized", "blocked", "user_blocked", "user is blocked", "identity_of_another_connection")
)
_ADDRESSES: Final = ("email", "username", "phone_number")


class Tally(NamedTuple):
    """The number of failures, and the time of the latest one in milliseconds since 1970."""

    failures: int = 0
    last: int = 0

    def more(self, at: int) -> "Tally":
        """Return the tally with one more failure, without failures that have expired by then."""
        if self.expired(at):
            return Tally(1, at)
        return Tally(self.failures + 1, max(self.last, at))

    def expired(self, now: int) -> bool:
        """Return whether the failures have expired at `now`."""
        return now - self.last > EXPIRY_MS


class Attempts(NamedTuple):
    """Failures with one identifier at one connection, in total and by IP address. `memory` detects duplicates
    for subjects without a profile."""

    total: Tally = Tally()
    ips: Mapping[str, Tally] = {}
    memory: Memory = Memory()


IdentifierKey = tuple[str, str]
"""(connection, key of the identifier as in `schemas.formats.spelling`)."""
Guard = Mapping[IdentifierKey, Attempts]
NO_FAILURES: Final[Guard] = {}


def is_attempt(data: LoginFailedData) -> bool:
    """Return whether a failed login was an attempt with a wrong password or identifier."""
    return code_of(data.reason) in _TRIED and not _BLOCKED.intersection((data.reason, data.detail))


def follow(guard: Guard, applied: Applied) -> Guard:
    """Return a person's failures after an applied event; `guard` itself if nothing changes."""
    event = applied.event
    if applied.refused:
        return guard
    match event.type:
        case "profile.login.failed":
            document = None if applied.after is None else applied.after.document
            if not is_attempt(event.data):
                return guard
            keys = [(event.data.connection, name) for name in _identifiers(event, document)]
            return _bounded({**guard, **{key: _failed(guard.get(key), event) for key in keys}})
        case "profile.login.succeeded":
            return _succeeded(guard, event.data.ip)
        case "profile.password.changed" | "profile.user.deleted":
            return NO_FAILURES if guard else guard
        case "profile.login_block.released":
            gone = _named(guard, event.data.identifier)
            return {key: one for key, one in guard.items() if key not in gone} if gone else guard
    return guard


def follow_anonymous(guard: Guard, event: LoginFailed | LoginBlockReleased) -> Guard:
    """Return an anonymous subject's failures after an event; `guard` itself if the event is a duplicate."""
    changed = dict(guard)
    if isinstance(event, LoginFailed):
        (identifier,) = _identifiers(event, None)[:1]
        keys: Iterable[IdentifierKey] = [(event.data.connection, identifier)]
    else:
        keys = _named(guard, event.data.identifier)
    for key in keys:
        current = guard.get(key, Attempts())
        if is_duplicate(current.memory, event):
            continue
        after = current if isinstance(event, LoginFailed) else Attempts()
        if isinstance(event, LoginFailed) and is_attempt(event.data):
            after = _failed(current, event)
        changed[key] = after._replace(memory=remember(current.memory, event))
    return _bounded(changed) if any(changed[key] is not guard.get(key) for key in changed) else guard


def _failed(current: Attempts | None, event: LoginFailed) -> Attempts:
    attempts, at = current or Attempts(), milliseconds(event.time)
    ips = dict(attempts.ips)
    if event.data.ip is not None:
        ip = address_of(event.data.ip)
        ips[ip] = ips.get(ip, Tally()).more(at)
        if len(ips) > MAX_IPS:
            del ips[min(ips, key=lambda known: (ips[known].last, known))]
    return attempts._replace(total=attempts.total.more(at), ips=ips)


def _succeeded(guard: Guard, ip: str | None) -> Guard:
    """Return the state after a successful login: without the totals and without the failures from the IP
    address of the login."""
    if not guard:
        return guard
    address = None if ip is None else address_of(ip)
    rest = {
        key: Attempts(ips={known: tally for known, tally in attempts.ips.items() if known != address})
        for key, attempts in guard.items()
    }
    return {key: attempts for key, attempts in rest.items() if attempts.ips}


def _identifiers(event: LoginFailed, document: Mapping[str, Any] | None) -> list[str]:
    """Return the typed identifier or, if the event has none, the user's identifiers; never an empty list."""
    data = event.data
    if data.identifier is not None:
        return _usable([data.identifier]) or [event.subject]
    known = data.claims if document is None else document
    found = _usable((known or {}).get(name) for name in _ADDRESSES)
    return found or [event.subject]


def _usable(values: Iterable[Any]) -> list[str]:
    """Return the texts that an index can hold, without duplicates."""
    lowered = (identifier_key(value) for value in values if isinstance(value, str))
    return list(dict.fromkeys(text for text in lowered if 0 < len(text) <= MAX_IDENTIFIER_LENGTH))


def _named(guard: Guard, identifier: str | None) -> list[IdentifierKey]:
    wanted = None if identifier is None else identifier_key(identifier)
    return [key for key in guard if wanted is None or key[1] == wanted]


def _bounded(guard: Guard) -> Guard:
    if len(guard) <= MAX_IDENTIFIERS:
        return guard
    kept = sorted(guard, key=lambda key: (guard[key].total.last, key))[-MAX_IDENTIFIERS:]
    return {key: guard[key] for key in guard if key in set(kept)}
