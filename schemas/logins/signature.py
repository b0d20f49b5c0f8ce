"""Signatures of raw logins in Kafka headers, after Standard Webhooks (symmetric, version 1). Pure.

The signed text is `{webhook-id}.{webhook-timestamp}.{body}`. `webhook-signature` holds one or more
`v1,<base64 of HMAC-SHA256>`, separated by spaces. `vita-gateway` names the gateway whose key signed.
"""

import base64
import binascii
import hmac
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.errors import InvalidEvent

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
GATEWAY: Final = "vita-gateway"
INGEST: Final = "ingest"
"""The gateway name under which ingest signs; its key is valid for every tenant."""
SECRET_BYTES: Final = 32
_SHOWN: Final = "whsec_{}"
_NAMES: Final = (ID, TIMESTAMP, SIGNATURE, GATEWAY)
_VERSION: Final = b"v1,"
_MOST_SIGNATURES: Final = 8
_SECONDS: Final = re.compile(rb"[0-9]{1,12}")
Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Signature:
    """The signature in a record's headers: which gateway signed which event, and when."""

    gateway: str
    id: bytes
    timestamp: bytes
    signatures: tuple[bytes, ...]

    @property
    def seconds(self) -> int:
        """The time of signing, in seconds since 1970."""
        return int(self.timestamp)

    def is_by(self, secrets: Iterable[bytes], body: bytes) -> bool:
        """Return whether one of `secrets` made one of the signatures over this body."""
        made = [_digest(secret, self.id, self.timestamp, body) for secret in secrets]
        return any(hmac.compare_digest(one, other) for one in made for other in self.signatures)


def new_secret() -> bytes:
    """Return a new random secret."""
    return os.urandom(SECRET_BYTES)


def shown_secret(secret: bytes) -> str:
    """Return the secret in the form that libraries of Standard Webhooks accept."""
    return _SHOWN.format(base64.b64encode(secret).decode("ascii"))


def signed_headers(secret: bytes, gateway: str, event_id: str, seconds: int, body: bytes) -> Headers:
    """Return the headers that sign a body. `seconds` is the time of signing, since 1970."""
    identity, timestamp = event_id.encode(), str(seconds).encode()
    signature = _VERSION + binascii.b2a_base64(_digest(secret, identity, timestamp, body), newline=False)
    return [(ID, identity), (TIMESTAMP, timestamp), (SIGNATURE, signature), (GATEWAY, gateway.encode())]


def read_signature(headers: Iterable[tuple[str, bytes | None]]) -> Signature:
    """Return the signature in a record's headers.

    Raises InvalidEvent (`not_authentic`) when a header is missing, repeated or malformed.
    """
    found: dict[str, bytes] = {}
    for name, value in headers:
        if name in _NAMES:
            if name in found:
                raise InvalidEvent("not_authentic", f"the header {name} occurs more than once")
            found[name] = value or b""
    if missing := [name for name in _NAMES if not found.get(name)]:
        raise InvalidEvent("not_authentic", f"the login is not signed: it lacks {', '.join(missing)}")
    if not _SECONDS.fullmatch(found[TIMESTAMP]):
        raise InvalidEvent("not_authentic", f"{TIMESTAMP} must be seconds since 1970")
    gateway = found[GATEWAY].decode("utf-8", "replace")
    return Signature(gateway, found[ID], found[TIMESTAMP], _signatures(found[SIGNATURE]))


def _signatures(text: bytes) -> tuple[bytes, ...]:
    """Return the signatures of version 1; other versions and text that is not base64 are ignored."""
    read = []
    for part in text.split(b" ")[:_MOST_SIGNATURES]:
        if part.startswith(_VERSION):
            try:
                read.append(binascii.a2b_base64(part.removeprefix(_VERSION), strict_mode=True))
            except binascii.Error:
                continue
    return tuple(read)


def _digest(secret: bytes, identity: bytes, timestamp: bytes, body: bytes) -> bytes:
    return hmac.digest(secret, b"%b.%b.%b" % (identity, timestamp, body), "sha256")
