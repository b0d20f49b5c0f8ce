"""What the trail keeps of a record: its hash, and as much of the open envelope as indexing needs."""

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
    """A row of `trail.leaf` but for its place. What a foreign record does not say properly is None."""

    hash: bytes
    tenant: str | None
    subject: str | None
    type: str | None
    time: datetime | None


def leaf_of(record: bytes | None) -> Leaf:
    """The leaf of a record's value, byte for byte; key and headers do not count, no value counts as empty.

    Any bytes make a leaf, so that a foreign record cannot block the trail; nor can it put anything there but
    an opaque subject, a tenant's name, an event type and a time. The verifier repeats this: it never changes.
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
