"""Rebuilds of an installation's views, with the administrator's access."""

from collections.abc import Callable
from datetime import UTC, datetime

import asyncpg

from deploy.database import database_url
from deploy.prepare import Installation, NotPrepared
from deploy.rights import apply_rights
from deploy.statistics import expect_one_tenant
from schemas.errors import Transient
from schemas.topics import Topic
from services.ledger.progress.rebuilds import live_definition
from services.rebuild.access import RebuildAccess, owner_connection
from services.rebuild.rebuild import Options, RebuildRefused, Rebuilt, Step, drop_old, rebuild
from services.runtime.kafka.access import KafkaAccess
from services.views.version import definition


def rebuild_access(
    *,
    kafka: KafkaAccess,
    topic_prefix: str,
    admin_url: str,
    database: str,
    role_prefix: str,
    key_provider: str,
    public_url: str | None = None,
) -> RebuildAccess:
    """Return what a rebuild needs. `admin_url` is the administrator's URL of any database of the server,
    `role_prefix` the prefix of the installation's role names, and `public_url` the URL of Vita if it is not
    that in the environment."""

    async def grant(connection: asyncpg.Connection) -> None:
        await apply_rights(connection, role_prefix)
        await expect_one_tenant(connection)

    return RebuildAccess(
        kafka=kafka,
        topic_prefix=topic_prefix,
        topic=topic_prefix + Topic.PROFILE_EVENTS.value,
        database_url=database_url(admin_url, database),
        key_provider=key_provider,
        grant=grant,
        public_url=public_url,
    )


async def prepare_views(installation: Installation, report: Callable[[Step], None]) -> Rebuilt | None:
    """Rebuild the views if the live ones have the tables of another version; None if they have this
    version's.

    Raises NotPrepared when the rebuild cannot go on.
    """
    access = rebuild_access(
        kafka=installation.kafka,
        topic_prefix=installation.topic_prefix,
        admin_url=installation.postgres_admin_url,
        database=installation.database,
        role_prefix=installation.access.prefix or installation.database,
        key_provider=installation.key_provider,
    )
    try:
        return await rebuild_if_needed(access, report)
    except RebuildRefused as error:
        raise NotPrepared(f"the views could not be rebuilt: {error}", error.advice) from error
    except Transient as error:
        raise NotPrepared(
            f"the views could not be rebuilt: {error}",
            "check the servers, and run the command again: it goes on where it ended",
        ) from error


async def rebuild_if_needed(access: RebuildAccess, report: Callable[[Step], None]) -> Rebuilt | None:
    """Rebuild the views if the live ones have the tables of another version. Drops generations that have not
    been live for a week.

    The live views stay as they are until the new ones replace them. Rows may differ, because the version
    changed. Raises what `rebuild` raises.
    """
    async with owner_connection(access.database_url) as connection:
        await drop_old(connection, datetime.now(UTC))
        live = await live_definition(connection)
    if live == definition():
        return None
    return await rebuild(access, Options(accept_differences=True), report)
