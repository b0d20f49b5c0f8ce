"""The keys of gateways, and the verification of their signatures."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from aiokafka import ConsumerRecord

from schemas.errors import InvalidEvent
from schemas.formats.instants import from_milliseconds
from schemas.logins.raw_login import RawLogin
from schemas.logins.signature import GATEWAY, INGEST, Signature, read_signature
from schemas.sealing.blobs import CannotUnseal
from schemas.sealing.keys import Keyring
from services.ledger.keys.gateway_keys import read_current_keys
from services.normalizer.content_modes import signed_body
from services.runtime.postgres.pool import DatabaseConnection

_log = structlog.get_logger()

FRESH_SECONDS: Final = 1.0
"""Maximum time for which a new or ended key may remain unnoticed."""


@dataclass(frozen=True, slots=True)
class GatewayKey:
    """A secret whose signatures are valid for a tenant, or for every tenant if `tenant` is None.

    They are valid on records that the broker stored before `ends_at`.
    """

    tenant: str | None
    secret: bytes
    ends_at: datetime | None = None


class Gateways:
    """The gateways' keys in the ledger, and ingest's."""

    def __init__(self, keyring: Keyring, ingest: Sequence[bytes], tolerance_seconds: float) -> None:
        self._keyring = keyring
        self._ingest = [GatewayKey(None, secret) for secret in ingest]
        self._keys: Mapping[str, Sequence[GatewayKey]] = {INGEST: self._ingest}
        self._tolerance = timedelta(seconds=tolerance_seconds)
        self._read_at = float("-inf")

    async def refresh(self, connection: DatabaseConnection, records: Sequence[ConsumerRecord]) -> None:
        """Read the keys again if they are no longer fresh, or if a record names an unknown gateway.

        A key that cannot be opened is ignored.
        """
        named = {value for record in records for name, value in record.headers if name == GATEWAY}
        known = {gateway.encode() for gateway in self._keys}
        now = time.monotonic()
        if named <= known and now - self._read_at < FRESH_SECONDS:
            return
        keys: dict[str, list[GatewayKey]] = {}
        for row in await read_current_keys(connection):
            try:
                secret = self._keyring.open_secret(row["secret"], row["tenant"], row["gateway"])
            except CannotUnseal:
                _log.error("gateway_key_unreadable", gateway=row["gateway"], tenant=row["tenant"])
                continue
            keys.setdefault(row["gateway"], []).append(GatewayKey(row["tenant"], secret, row["ends_at"]))
        self._keys, self._read_at = {**keys, INGEST: self._ingest}, now

    def verify(self, record: ConsumerRecord, login: RawLogin) -> str:
        """Return the gateway that signed a login.

        Raises InvalidEvent (`not_authentic`) when it is not one of the login's tenant, or signed the
        record at another time than the broker stored it.
        """
        signature, keys = self._signed(record)
        if signature.id != login.id.encode():
            raise InvalidEvent("not_authentic", "webhook-id must be the id of the event")
        if not any(key.tenant in (None, login.tenant) for key in keys):
            raise InvalidEvent("not_authentic", "the gateway's key is for another tenant")
        return signature.gateway

    def signer(self, record: ConsumerRecord) -> tuple[str, Signature] | None:
        """Return the tenant whose gateway certainly wrote this record, whatever it contains, and its
        signature.

        None if that is not certain, or if the gateway's key is valid for every tenant.
        """
        try:
            signature, keys = self._signed(record)
        except InvalidEvent:
            return None
        tenants = {key.tenant for key in keys}
        tenant = tenants.pop()
        return None if tenants or tenant is None else (tenant, signature)

    def _signed(self, record: ConsumerRecord) -> tuple[Signature, Sequence[GatewayKey]]:
        """Return the signature of a record, and the valid keys of its gateway. Raises InvalidEvent."""
        signature = read_signature(record.headers)
        stored_at = from_milliseconds(record.timestamp)
        keys = self._keys.get(signature.gateway, ())
        current = [key for key in keys if key.ends_at is None or stored_at < key.ends_at]
        if not current:
            raise InvalidEvent("not_authentic", f"{GATEWAY} names no gateway with a valid key")
        if not signature.is_by([key.secret for key in current], signed_body(record)):
            raise InvalidEvent(
                "not_authentic", "no signature was made with a key of this gateway over this login"
            )
        if abs(stored_at - from_milliseconds(signature.seconds * 1000)) > self._tolerance:
            seconds = int(self._tolerance.total_seconds())
            raise InvalidEvent(
                "not_authentic",
                f"the login was signed more than {seconds} s before or after the broker stored it",
            )
        return signature, current
