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


class Signed(NamedTuple):
    """An accepted login, ready for the log: the event's own id, its record, what its result warns of."""

    id: str
    record: LoginRecord
    warnings: tuple[str, ...]


class Signer:
    """Signs with the first key; without keys (trusted logins) records stay unsigned."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._secret = secrets[0] if secrets else None

    def signed(self, accepted: Accepted) -> Signed:
        """An accepted login, signed now."""
        identity, (key, value) = accepted.id, accepted.record
        headers = [_CONTENT_TYPE]
        if self._secret is not None:
            headers += signed_headers(self._secret, INGEST, identity, int(time.time()), value)
        return Signed(identity, LoginRecord(key, value, headers), accepted.warnings)
