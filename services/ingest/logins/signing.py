"""Signs accepted logins, so that the normalizer can verify that ingest accepted them."""

import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from schemas.envelope import CONTENT_TYPE
from schemas.logins.signature import INGEST, signed_headers
from services.ingest.logins.decide import AcceptedLogin

_CONTENT_TYPE: Final = ("content-type", CONTENT_TYPE.encode())


class LoginRecord(NamedTuple):
    """A Kafka record's key, value and headers."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class SignedLogin(NamedTuple):
    """An accepted login, ready for the log: the event's own id, its record, and the warnings of its
    result."""

    id: str
    record: LoginRecord
    warnings: tuple[str, ...]


class Signer:
    """Signs with the first key; without keys (trusted logins) records stay unsigned."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._secret = secrets[0] if secrets else None

    def sign(self, accepted: AcceptedLogin) -> SignedLogin:
        """Sign an accepted login with the current time."""
        identity, (key, value) = accepted.id, accepted.record
        headers = [_CONTENT_TYPE]
        if self._secret is not None:
            headers += signed_headers(self._secret, INGEST, identity, int(time.time()), value)
        return SignedLogin(identity, LoginRecord(key, value, headers), accepted.warnings)
