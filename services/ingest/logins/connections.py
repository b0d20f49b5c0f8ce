"""Checks the connections that logins name, so that ingest rejects logins that the normalizer could only
dead-letter.

Each connection is read once in five seconds. When the database does not answer, ingest accepts the login and
leaves the decision to the normalizer, because a login must not be lost.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

import asyncpg

from projections.normalization import ConnectionSettings, UnmappableLogin, identify
from projections.normalization.admission import KnownConnection, connection_of
from schemas.errors import InvalidEvent, Transient
from services.ingest.logins.decide import AcceptedLogin, LoginDecision, RejectedLogin
from services.ingest.logins.keying import stated_strategy
from services.ledger.tenants import connections_of_tenant
from services.runtime.postgres.tenant_pool import TenantDatabase

KEPT_SECONDS: Final = 5.0
MAX_KEPT: Final = 50_000
"""The maximum number of cached connections; when it is exceeded, the cache is cleared."""


@dataclass(frozen=True, slots=True)
class Known:
    """What ingest knows of a connection. `maps_identity` means that the connection's own options may find an
    identity where its strategy finds none."""

    found: KnownConnection
    maps_identity: bool


class ConnectionCache:
    """Reads connections and remembers those that exist for five seconds."""

    def __init__(
        self, database: TenantDatabase, patience_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database, self._patience, self._clock = database, patience_seconds, clock
        self._kept: dict[tuple[str, str], tuple[float, Known]] = {}

    def remembered(self, tenant: str, name: str) -> Known | None:
        """Return a remembered connection; None when it has to be read from the database."""
        until, about = self._kept.get((tenant, name), (0.0, None))
        return about if until > self._clock() else None

    async def known(self, tenant: str, names: Collection[str]) -> Mapping[str, Known]:
        """Return these connections of a tenant by name, remembered or read; a name is missing when the
        database did not answer in time."""
        kept = {name: self.remembered(tenant, name) for name in names}
        fresh = {name: about for name, about in kept.items() if about is not None}
        missing = [name for name in kept if name not in fresh]
        return fresh | await self._read(tenant, missing) if missing else fresh

    async def _read(self, tenant: str, names: Collection[str]) -> dict[str, Known]:
        try:
            async with asyncio.timeout(self._patience), self._database.connection(tenant) as connection:
                rows = await connections_of_tenant(connection, tenant, names)
        except (Transient, TimeoutError):
            return {}
        read = {row["name"]: _known(row) for row in rows}
        if len(self._kept) > MAX_KEPT:
            self._kept.clear()
        until = self._clock() + KEPT_SECONDS
        self._kept |= {(tenant, name): (until, one) for name, one in read.items() if _exists(one)}
        return read


def settle(accepted: AcceptedLogin, about: Known | None) -> LoginDecision:
    """Return the verdict on a login with the known facts about its connection. It is RejectedLogin
    (`unknown_tenant`, `unknown_connection`, `connection_deleted`, `unmappable`) if the normalizer could not
    process the login."""
    if about is None:
        return accepted
    try:
        _check(accepted, about)
    except InvalidEvent as error:
        return RejectedLogin(accepted.id, error.reason, error.detail)
    return accepted


def _check(accepted: AcceptedLogin, known: Known) -> None:
    login = accepted.login
    connection, _ = connection_of(login, known.found)
    if login.data.outcome == "failure" or known.maps_identity:
        return
    if accepted.identified and connection.strategy == stated_strategy(login):
        return
    try:
        identify(connection, login.data.claims, login.data.identifier)
    except UnmappableLogin as error:
        detail = f"'{error.detail[0].upper()}{error.detail[1:]}' on property data.claims"
        raise InvalidEvent("unmappable", detail) from error


def _exists(known: Known) -> bool:
    """Whether the connection exists. Absence is not cached, because a connection may be created at any
    time."""
    return known.found.settings is not None and not known.found.deleted


def _known(row: asyncpg.Record) -> Known:
    settings = None if row["strategy"] is None else ConnectionSettings(row["name"], row["strategy"], {})
    return Known(
        KnownConnection(row["tenant_known"], row["strict"], row["deleted"], settings), row["maps_identity"]
    )
