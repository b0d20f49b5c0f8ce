"""Registers tenants and API clients: a tenant is a row of the ledger, a client is an event on the log."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from schemas.events import ClientConfigured, ClientConfiguredData
from schemas.formats.identifiers import new_event_id, tenant_subject
from schemas.formats.instants import truncate
from schemas.sealing.mapper import seal_event
from services.cli.addresses import Ledger
from services.cli.failure import CommandFailed
from services.cli.ledger import keyring, operator
from services.ledger import tenants
from services.ledger.dead_letters import SYSTEM_TENANT
from services.ledger.keys.subject_keys import ensure_keys
from services.ledger.progress.position_watch import PositionWatch
from services.runtime.auth.client_secrets import hash_secret
from services.runtime.kafka.access import KafkaAccess
from services.runtime.kafka.log_writer import LogWriter
from services.runtime.periodic import Readiness
from services.runtime.postgres.pool import DatabaseConnection

ACTOR: Final = "system:vita-cli"
VISIBLE_SECONDS: Final = 15.0
_CLOSE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class NewClient:
    """An API client to create. Only a hash of `secret` is stored."""

    tenant: str
    client_id: str
    name: str
    scopes: tuple[str, ...]
    secret: str = field(repr=False)


async def add_tenant(connection: DatabaseConnection, name: str, display_name: str, strict: bool) -> bool:
    """Create a tenant, and return False if the name is taken.

    Raises CommandFailed when Vita reserves the name for itself.
    """
    if name == SYSTEM_TENANT:
        raise CommandFailed(f"the name {name} is reserved", "choose another name")
    return await tenants.add_tenant(connection, name, display_name, strict)


async def configure_client(ledger: Ledger, kafka: KafkaAccess, topic: str, client: NewClient) -> bool:
    """Append the event that configures the client; return whether the projector has applied it in time.

    Raises CommandFailed when the tenant does not exist, and Transient when the database or the broker
    fails.
    """
    async with operator(ledger.url) as connection:
        if not await tenants.tenant_exists(connection, client.tenant):
            raise CommandFailed(
                f"there is no tenant {client.tenant}", f"create it with `vita tenants create {client.tenant}`"
            )
        ring = await keyring(connection, ledger.key_provider)
        keys = await ensure_keys(connection, ring, client.tenant, tenant_subject(client.tenant))
    record = seal_event(_event(client, datetime.now(UTC)), keys)
    watch = await PositionWatch.open(ledger.url, topic, Readiness())
    try:
        log = await LogWriter.open(kafka, topic)
        try:
            position = await log.append([record])
        finally:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await log.close()
        return await watch.wait_for(position, VISIBLE_SECONDS)
    finally:
        await watch.close()


def _event(client: NewClient, now: datetime) -> ClientConfigured:
    return ClientConfigured(
        id=new_event_id(now),
        source="/vita/cli",
        subject=tenant_subject(client.tenant),
        time=truncate(now),
        tenant=client.tenant,
        actor=ACTOR,
        data=ClientConfiguredData(
            client_id=client.client_id,
            scopes=client.scopes,
            name=client.name,
            secret_hash=hash_secret(client.secret),
        ),
    )
