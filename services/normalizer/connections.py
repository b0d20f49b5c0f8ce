"""Connections as the normalizer reads them: with the user attribute profiles that they name."""

from collections.abc import Mapping
from dataclasses import replace

import asyncpg

from projections.normalization import ConnectionSettings
from projections.normalization.admission import KnownConnection
from projections.normalization.attribute_profiles import profile_of, with_profile
from schemas.formats import exact_json
from services.queries.settings import read_attribute_profiles
from services.runtime.postgres.pool import DatabaseConnection


async def with_profiles(
    connection: DatabaseConnection, found: Mapping[tuple[str, str], KnownConnection]
) -> dict[tuple[str, str], KnownConnection]:
    """Return the connections with the user attribute profiles that they name merged into their mappings."""
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


def known_connection(row: asyncpg.Record) -> KnownConnection:
    """Return a connection from its row of the ledger."""
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
