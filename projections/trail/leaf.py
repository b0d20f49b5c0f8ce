"""The leaves of the trail: the hash of a record, and what indexes need of its open envelope."""

import re
from datetime import datetime
from typing import Final, NamedTuple

import orjson

from projections.trail.merkle import leaf_hash
from schemas.formats import instants
from schemas.formats.identifiers import SUBJECT_PATTERN, TENANT_PATTERN
from schemas.sealing.mapper import MAX_BYTES

TYPE_PATTERN: Final = r"profile(\.[a-z_]{1,40}){1,4}"

_TENANT, _SUBJECT, _TYPE = map(re.compile, (TENANT_PATTERN, SUBJECT_PATTERN, TYPE_PATTERN))


class Leaf(NamedTuple):
    """A row of `trail.leaf` without its position. Members that a foreign record does not have in proper
    form are None."""

    hash: bytes
    tenant: str | None
    subject: str | None
    type: str | None
    time: datetime | None


def leaf_of(record: bytes | None) -> Leaf:
    """Return the leaf of a record's value. Key and headers do not count, and a missing value counts as
    empty.

    Any bytes make a leaf, so that a foreign record cannot block the trail. Such a record can add nothing
    to the trail but an opaque subject, a tenant's name, an event type and a time. The verifier repeats
    this function: its result must never change.
    """
    value = record or b""
    return Leaf(leaf_hash(value), *_open_part(value))


def _open_part(value: bytes) -> tuple[str | None, str | None, str | None, datetime | None]:
    if len(value) > MAX_BYTES:
        return None, None, None, None
    try:
        event = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None, None, None, None
    if not isinstance(event, dict):
        return None, None, None, None
    get = event.get
    return (
        _matching(_TENANT, get("tenant")),
        _matching(_SUBJECT, get("subject")),
        _matching(_TYPE, get("type")),
        _instant(get("time")),
    )


def _matching(pattern: re.Pattern[str], text: object) -> str | None:
    return text if isinstance(text, str) and pattern.fullmatch(text) else None


def _instant(text: object) -> datetime | None:
    try:
        return instants.parse(text) if isinstance(text, str) else None
    except ValueError:
        return None
