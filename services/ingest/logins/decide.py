"""Decides which events are accepted and which records are written for them. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, NamedTuple

from schemas.errors import DeadLetterReason, InvalidEvent
from schemas.formats import exact_json
from schemas.formats.violations import type_name
from schemas.logins.raw_login import (
    MAX_BYTES,
    MAX_DEPTH,
    RawLogin,
    check_raw_login,
    known_members,
    unknown_members,
)
from schemas.sealing.mapper import Record
from services.ingest.bodies import NOT_JSON
from services.ingest.logins.keying import Key

RecordKey = Callable[[RawLogin], Key]
_SHOWN_ID_LENGTH = 256
_MOST_HINTS = 20
"""The maximum number of hints for an event. The search for a similar name takes 30 us, and an event may have
thousands of members."""
_LONGEST_HINTED = 100
"""The maximum length of a path for which a hint is searched, in characters. No known path is longer, and the
limit bounds the cache."""


class AcceptedLogin(NamedTuple):
    """A login that will be written.

    `identified` means that the strategy in the login finds an identity in its claims. `warnings` are
    sentences for the gateway's developer.
    """

    login: RawLogin
    record: Record
    identified: bool
    warnings: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The event's own id."""
        return self.login.id


@dataclass(frozen=True, slots=True)
class RejectedLogin:
    """A login that will not be written. `id` is the event's id, None if it could not be read; `detail` is for
    the gateway's developer."""

    id: str | None
    reason: DeadLetterReason
    detail: str


LoginDecision = AcceptedLogin | RejectedLogin


def decide(event: Any, tenant: str, arrived: str, key_of: RecordKey) -> LoginDecision:
    """Accept or reject one event of a request that arrived at `arrived` with a token for `tenant`.

    An absent `tenant` or `time` is filled in. Everything else is written as it was sent, with exact integers.
    """
    if event is NOT_JSON:
        return RejectedLogin(None, "not_json", "The line is not JSON in UTF-8.")
    if not isinstance(event, dict):
        return RejectedLogin(None, "contract", f"'Expected type object but found type {type_name(event)}'")
    shown = _shown_id(event)
    event = event if event.get("tenant") is not None else event | {"tenant": tenant}
    event = event if event.get("time") is not None else event | {"time": arrived}
    if isinstance(event["tenant"], str) and event["tenant"] != tenant:
        return RejectedLogin(shown, "tenant_mismatch", f"The token is for the tenant {tenant}.")
    try:
        value = _written(event)
        login = check_raw_login(event, value)
    except InvalidEvent as error:
        return RejectedLogin(shown, error.reason, error.detail)
    key, identified = key_of(login)
    return AcceptedLogin(login, Record(key, value), identified, tuple(_warnings(event)))


def _warnings(event: dict[str, Any]) -> Iterator[str]:
    for number, path in enumerate(unknown_members(event)):
        hint = _hint(path) if number < _MOST_HINTS and len(path) <= _LONGEST_HINTED else ""
        yield f"Vita does not know {path} and ignores it.{hint}"


@lru_cache(maxsize=1024)
def _hint(path: str) -> str:
    """Suggest the known member with the most similar name. The result is cached, because a gateway sends
    equal members with every login."""
    parent, _, member = path.rpartition(".")
    alike = get_close_matches(member, known_members(path), n=1)
    return f" Did you mean {parent}.{alike[0]}?" if alike else ""


def _written(event: dict[str, Any]) -> bytes:
    try:
        value = exact_json.dumps(event)
    except ValueError:
        raise InvalidEvent("contract", f"'Nested deeper than {MAX_DEPTH} levels'") from None
    if len(value) > MAX_BYTES:
        raise InvalidEvent("too_large", f"The event has {len(value)} bytes, maximum {MAX_BYTES}.")
    return value


def _shown_id(event: dict[str, Any]) -> str | None:
    identity = event.get("id")
    return identity[:_SHOWN_ID_LENGTH] if isinstance(identity, str) else None
