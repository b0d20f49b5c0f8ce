"""Identifiers: random ones that sort by time (UUIDv7, RFC 9562), and ones derived from a cause (UUIDv5)."""

import hashlib
import hmac
import os
import re
import uuid
from datetime import datetime
from typing import Final, Literal

from schemas.formats.spelling import identifier_key

_NAMESPACE: Final = uuid.UUID("6f0f5c1e-2f0a-5d5e-9c7b-6a1d7f2f4b11")

PERSON: Final = "sub_"
ANONYMOUS: Final = "anon_"
TENANT: Final = "ten_"

SUBJECT_PATTERN: Final = r"^(sub_[0-9a-f]{32}|anon_[0-9a-f]{32}|ten_[a-z0-9][a-z0-9-]{0,62})$"
TENANT_PATTERN: Final = r"^[a-z0-9][a-z0-9-]{0,62}$"
CONNECTION_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
_TENANT = re.compile(TENANT_PATTERN)


def uuid7(now: datetime) -> uuid.UUID:
    """Return a UUIDv7: the milliseconds of `now`, then 74 random bits."""
    milliseconds = int(now.timestamp() * 1000) & 0xFFFF_FFFF_FFFF
    random = int.from_bytes(os.urandom(10), "big")
    value = (
        milliseconds << 80
        | 0x7 << 76
        | (random >> 68 & 0xFFF) << 64
        | 0b10 << 62
        | random & 0x3FFF_FFFF_FFFF_FFFF
    )
    return uuid.UUID(int=value)


def new_event_id(now: datetime) -> str:
    """Return an id for an event or command that no other event caused."""
    return str(uuid7(now))


def new_subject(now: datetime) -> str:
    """Return a new opaque subject id, which identifies nobody."""
    return PERSON + uuid7(now).hex


def derived(*parts: str) -> str:
    """Return the UUIDv5 of the causes. The same causes always give the same id."""
    name = _NAMESPACE.bytes + "\x00".join(parts).encode("utf-8", "surrogatepass")
    value = int.from_bytes(hashlib.sha1(name, usedforsecurity=False).digest()[:16], "big")
    text = f"{value & ~(0xF << 76 | 0b11 << 62) | 0x5 << 76 | 0b10 << 62:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def anonymous_subject(key: bytes, connection: str, identifier: str) -> str:
    """Return the subject of a failed login that names no known user.

    It is a hash under `key`, so that outsiders cannot compute it.
    """
    message = f"{connection}\x00{identifier_key(identifier).casefold()}".encode("utf-8", "surrogatepass")
    return ANONYMOUS + hmac.new(key, message, hashlib.sha256).hexdigest()[:32]


def tenant_subject(tenant: str) -> str:
    """Return the subject of a tenant's configuration events."""
    return TENANT + tenant


def key_owner(tenant: str, subject: str) -> str:
    """Return whose keys seal a subject's events: the user's own, otherwise the tenant's."""
    return subject if subject.startswith(PERSON) else tenant_subject(tenant)


def record_key(tenant: str, subject: str) -> bytes:
    """Return the Kafka key `tenant/subject`, which orders the events of a user or of a tenant's
    configuration."""
    return (tenant if subject.startswith(TENANT) else f"{tenant}/{subject}").encode()


def is_tenant(name: str) -> bool:
    """Return whether `name` is a valid tenant name."""
    return _TENANT.fullmatch(name) is not None


KeyClass = Literal["profile", "activity"]
