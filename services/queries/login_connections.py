"""The connections of logins, as their mapping needs them; secrets in their options stay sealed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import asyncpg

from projections.normalization import ConnectionSettings
from projections.normalization.admission import KnownConnection
from projections.normalization.attribute_profiles import profile_of, with_profile
from schemas.formats import exact_json
from services.ledger.tenants import connections_of_tenants
from services.queries.settings import read_attribute_profiles
from services.runtime.postgres.pool import DatabaseConnection

ConnectionKey = tuple[str, str]
"""The tenant and the name of a connection."""


async def mapping_connections(
    connection: DatabaseConnection, requested: Sequence[ConnectionKey]
) -> dict[ConnectionKey, KnownConnection]:
    """Return what is recorded of each of these connections, with the user attribute profile that it names
    merged into its mapping."""
    return await _with_profiles(connection, await recorded_connections(connection, requested))


async def recorded_connections(
    connection: DatabaseConnection, requested: Sequence[ConnectionKey]
) -> dict[ConnectionKey, KnownConnection]:
    """Return what is recorded of each of these connections."""
    rows = await connections_of_tenants(connection, requested)
    return {(row["tenant"], row["name"]): _found(row) for row in rows}


async def _with_profiles(
    connection: DatabaseConnection, found: Mapping[ConnectionKey, KnownConnection]
) -> dict[ConnectionKey, KnownConnection]:
    named = {
        place: profile
        for place, one in found.items()
        if one.settings is not None and (profile := profile_of(one.settings.options)) is not None
    }
    if not named:
        return dict(found)
    requested = sorted({(tenant, profile) for (tenant, _), profile in named.items()})
    known = await read_attribute_profiles(connection, requested)
    mapped = dict(found)
    for place, profile in named.items():
        one, document = found[place], known.get((place[0], profile))
        if one.settings is not None and document is not None:
            mapped[place] = replace(one, settings=with_profile(one.settings, document))
    return mapped


def _found(row: asyncpg.Record) -> KnownConnection:
    settings = None
    if row["id"] is not None:
        settings = ConnectionSettings(
            row["name"], row["strategy"], exact_json.loads(row["document"])["options"]
        )
    return KnownConnection(
        row["tenant_known"],
        bool(row["strict_connections"]),
        bool(row["deleted"]),
        settings,
        row["default_picture"],
    )
