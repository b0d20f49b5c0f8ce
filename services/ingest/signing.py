"""Signs accepted logins, so that the normalizer takes them for what ingest let in."""

import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from schemas.envelope import CONTENT_TYPE
from schemas.logins.signature import INGEST, signed_headers
from services.ingest.decide import Accepted

_CONTENT_TYPE: Final = ("content-type", CONTENT_TYPE.encode())


class LoginRecord(NamedTuple):
    """A Kafka record's key, value and headers."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class Signer:
    """Signs with the first key; without keys (trusted logins) records stay unsigned."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._secret = secrets[0] if secrets else None

    def record(self, accepted: Accepted) -> LoginRecord:
        """The record of an accepted login, signed now."""
        key, value = accepted.record
        if self._secret is None:
            return LoginRecord(key, value, [_CONTENT_TYPE])
        signature = signed_headers(self._secret, INGEST, accepted.login.id, int(time.time()), value)
        return LoginRecord(key, value, [_CONTENT_TYPE, *signature])
