"""Finds the account that a request to link names (fact sheet §9.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from projections.connection.strategies import STRATEGIES
from projections.profile.changes.links import merged_into
from projections.profile.identities import identity_key
from projections.profile.state import Profile
from schemas.formats import exact_json
from services.commands.links.decide import (
    IDENTITY_EXISTS,
    INEXISTENT,
    NEEDS_CONNECTION,
    NOT_CONFIGURED,
    NOT_FOUND,
    SAME_IDENTITY,
    Participant,
    shows,
)
from services.commands.links.saga import Sagas
from services.ledger.directory import associations_of_identities
from services.queries.connections import count_connections, find_connection
from services.runtime.postgres.lookup import is_storable
from services.runtime.postgres.tenant_pool import TenantPool
from services.runtime.rejection import Rejected, Rejection, invalid_body

PROVIDER_DESCRIPTION: Final = "Identity provider of the secondary user account being linked"


@dataclass(frozen=True, slots=True)
class AccountName:
    """An account as a caller names it: the provider, its id with or without the provider prefix, and its
    connection, None for any."""

    provider: str
    user_id: str
    connection_id: str | None = None


def accounts(provider: str, user_id: str) -> list[str]:
    """Return the ids at the provider that a caller may mean: without the prefix, where there is one, and as
    given."""
    bare = user_id.removeprefix(f"{provider}|")
    return [bare] if bare == user_id else [bare, user_id]


class LinkTargets:
    """Finds the account that a request to link names."""

    def __init__(self, database: TenantPool, sagas: Sagas) -> None:
        self._database, self._sagas = database, sagas

    async def find(self, tenant: str, *user_ids: str) -> Participant | None:
        """Return the user with the first of these ids that exists, None if there is none. Raises
        Transient."""
        known = [user_id for user_id in user_ids if is_storable(user_id)]
        participants = await self._sagas.read(tenant, user_ids=known)
        by_id = {(one.profile.document or {}).get("user_id"): one for one in participants.values()}
        return next((by_id[user_id] for user_id in known if user_id in by_id), None)

    async def by_name(self, tenant: str, primary: Participant, account: AccountName) -> Participant:
        """Return the account of a provider. Raises Rejected, or Transient."""
        provider, ids = account.provider, accounts(account.provider, account.user_id)
        connection = None
        if account.connection_id is not None:
            connection = await self._connection(tenant, provider, account.connection_id)
        found = await self._existing_or_linked(tenant, primary, provider, ids)
        if isinstance(found, Participant):
            if connection is not None and found.primary_identity["connection"] != connection:
                raise Rejected(INEXISTENT)
            return found
        if found is None and connection is None and not await self._is_configured(tenant, provider):
            raise Rejected(NOT_CONFIGURED if provider in STRATEGIES else _unknown(provider))
        raise Rejected(found or (NEEDS_CONNECTION if connection is None else INEXISTENT))

    async def by_token(self, tenant: str, primary: Participant, user_id: str) -> Participant:
        """Return the account that an ID token was issued for. Raises Rejected, or Transient."""
        provider, _, idp_id = user_id.partition("|")
        found = await self._existing_or_linked(tenant, primary, provider, [idp_id])
        if isinstance(found, Participant):
            return found
        raise Rejected(found or NOT_FOUND)

    async def _existing_or_linked(
        self, tenant: str, primary: Participant, provider: str, ids: Sequence[str]
    ) -> Participant | Rejection | None:
        main = primary.primary_identity
        if identity_key(main["provider"], main["user_id"]) in {identity_key(provider, one) for one in ids}:
            return SAME_IDENTITY
        if any(shows(primary.profile, provider, one) for one in ids):
            return IDENTITY_EXISTS
        found = await self.find(tenant, *(identity_key(provider, one) for one in ids))
        if found is not None:
            return found
        return IDENTITY_EXISTS if await self._is_linked_elsewhere(tenant, provider, ids) else None

    async def _is_linked_elsewhere(self, tenant: str, provider: str, ids: Sequence[str]) -> bool:
        known = [one for one in ids if is_storable(one)]
        async with self._database.connection(tenant) as connection:
            found = await associations_of_identities(connection, tenant, provider, known)
        return any(
            one is not None and merged_into(Profile(associations=exact_json.loads(one))) is not None
            for one in found
        )

    async def _connection(self, tenant: str, provider: str, connection_id: str) -> str:
        async with self._database.connection(tenant) as connection:
            row = await find_connection(connection, tenant, connection_id)
        if row is None or row["strategy"] != provider:
            raise Rejected(NOT_CONFIGURED)
        name: str = row["name"]
        return name

    async def _is_configured(self, tenant: str, provider: str) -> bool:
        async with self._database.connection(tenant) as connection:
            return await count_connections(connection, tenant, [provider]) > 0


def _unknown(provider: str) -> Rejection:
    return invalid_body(f"No enum match for: {provider[:200]}", "provider", PROVIDER_DESCRIPTION)
