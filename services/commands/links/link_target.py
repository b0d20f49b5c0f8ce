"""Which account a request to link means (fact sheet §9.1)."""

from collections.abc import Sequence
from typing import Final, get_args

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
    Party,
    shows,
)
from services.commands.saga import read_parties
from services.ledger.directory import holdings_of_identities
from services.management.connections.models import Strategy
from services.management.http.requests import Call
from services.management.users.identity_models import LinkIdentity
from services.queries.connections import count_connections, find_connection
from services.runtime.rejection import Rejected, Rejection, invalid_body

PROVIDERS: Final = frozenset(get_args(Strategy))
"""Identity providers that Auth0 knows; a connection of the tenant may have another one."""


async def find_party(call: Call, *user_ids: str) -> Party | None:
    """The living user of the first of these ids that there is."""
    known = [user_id for user_id in user_ids if "\x00" not in user_id]
    service = call.service
    async with service.database.connection(call.tenant) as connection:
        parties, _ = await read_parties(connection, service.keyring, call.tenant, user_ids=known)
    by_id = {(party.profile.document or {}).get("user_id"): party for party in parties.values()}
    return next((by_id[user_id] for user_id in known if user_id in by_id), None)


def accounts(provider: str, user_id: str) -> list[str]:
    """Ids at the provider that a caller may mean: without the prefix, where there is one, and as given."""
    bare = user_id.removeprefix(f"{provider}|")
    return [bare] if bare == user_id else [bare, user_id]


async def by_name(call: Call, primary: Party, body: LinkIdentity) -> Party:
    """The account of a provider. Raises Rejected."""
    provider, ids = body.provider or "", accounts(body.provider or "", body.user_id or "")
    connection = None if body.connection_id is None else await _connection(call, provider, body.connection_id)
    absent = NEEDS_CONNECTION if connection is None else INEXISTENT
    found = await _living_or_linked(call, primary, provider, ids)
    if isinstance(found, Party):
        if connection is not None and found.primary_identity["connection"] != connection:
            raise Rejected(INEXISTENT)
        return found
    if found is None and connection is None and not await _is_configured(call, provider):
        raise Rejected(NOT_CONFIGURED if provider in PROVIDERS else _unknown(provider))
    raise Rejected(found or absent)


def _unknown(provider: str) -> Rejection:
    about = LinkIdentity.model_fields["provider"].description or ""
    return invalid_body(f"No enum match for: {provider[:200]}", "provider", about.rstrip("."))


async def by_token(call: Call, primary: Party, user_id: str) -> Party:
    """The account an ID token is of. Raises Rejected."""
    provider, _, idp_id = user_id.partition("|")
    found = await _living_or_linked(call, primary, provider, [idp_id])
    if isinstance(found, Party):
        return found
    raise Rejected(found or NOT_FOUND)


async def _living_or_linked(
    call: Call, primary: Party, provider: str, ids: Sequence[str]
) -> Party | Rejection | None:
    main = primary.primary_identity
    if identity_key(main["provider"], main["user_id"]) in {identity_key(provider, one) for one in ids}:
        return SAME_IDENTITY
    if any(shows(primary.profile, provider, one) for one in ids):
        return IDENTITY_EXISTS
    found = await find_party(call, *(identity_key(provider, one) for one in ids))
    if found is not None:
        return found
    return IDENTITY_EXISTS if await _is_linked_elsewhere(call, provider, ids) else None


async def _is_linked_elsewhere(call: Call, provider: str, ids: Sequence[str]) -> bool:
    known = [one for one in ids if "\x00" not in one]
    async with call.service.database.connection(call.tenant) as connection:
        held = await holdings_of_identities(connection, call.tenant, provider, known)
    return any(
        holdings is not None and merged_into(Profile(holdings=exact_json.loads(holdings))) is not None
        for holdings in held
    )


async def _connection(call: Call, provider: str, connection_id: str) -> str:
    async with call.service.database.connection(call.tenant) as connection:
        row = await find_connection(connection, call.tenant, connection_id)
    if row is None or row["strategy"] != provider:
        raise Rejected(NOT_CONFIGURED)
    name: str = row["name"]
    return name


async def _is_configured(call: Call, provider: str) -> bool:
    async with call.service.database.connection(call.tenant) as connection:
        return await count_connections(connection, call.tenant, [provider]) > 0
