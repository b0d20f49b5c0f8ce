"""What the Management API holds while it runs."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from schemas.keys import Keyring
from schemas.topics import Topic
from services.management.background import Background
from services.management.cursors import Cursors
from services.management.gathering import Gathered
from services.management.link_tokens import LinkTokens
from services.management.links import Links
from services.management.log_end import LogEnd
from services.management.passwords import Hasher
from services.management.rate_limits import RateLimits, plan_of
from services.management.reconciler import Reconciler
from services.management.registering import Newcomers
from services.management.search.running import Searcher
from services.management.settings import Settings
from services.management.turns import Turns
from services.management.writing import Writer
from services.runtime.database import database_failures
from services.runtime.event_log import EventLog
from services.runtime.fair_threads import FairThreads
from services.runtime.heartbeat import Heartbeat
from services.runtime.issuers import Verifier
from services.runtime.key_store import load_keyring, provider_from
from services.runtime.periodic import Periodic
from services.runtime.positions import PositionWatch
from services.runtime.remote_keys import open_verifier
from services.runtime.room import Room
from services.runtime.signing_keys import key_source
from services.runtime.sql import load
from services.runtime.tenant_domains import Domains, DomainVerifier, TokenIssuers
from services.runtime.tenant_pool import TenantPool
from services.runtime.token_verifier import KeySource, Trust


@dataclass(frozen=True, slots=True)
class Service:
    """Everything a request may need."""

    settings: Settings
    database: TenantPool
    searcher: Searcher
    keyring: Keyring
    cursors: Cursors
    keys: KeySource
    issuers: TokenIssuers
    domains: Domains
    verifier: Verifier
    writer: Writer
    watch: PositionWatch
    end: LogEnd
    reconciler: Reconciler
    links: Links
    link_tokens: LinkTokens
    passwords: Hasher
    computing: FairThreads
    """One thread, for what takes more than a few milliseconds in Python."""
    partitions: int
    turns: Turns
    rates: RateLimits
    room: Room
    background: Background
    people: Gathered
    people_with_tokens: Gathered
    people_to_edit: Gathered
    people_now: Gathered
    connections: Gathered
    newcomers: Newcomers


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncIterator[Service]:
    """Connects to the database and the event log, and disconnects at the end. Raises Transient."""
    url = settings.database_url.get_secret_value()
    topic = settings.topic(Topic.PROFILE_EVENTS)
    provider = provider_from(settings.key_provider)
    async with AsyncExitStack() as stack:
        database = await TenantPool.open(url, settings.pool_connections, "management")
        stack.push_async_callback(database.close)
        searcher = await stack.enter_async_context(
            Searcher.open(
                url,
                settings.search_connections,
                settings.search_timeout_seconds,
                settings.search_queue,
            )
        )
        with database_failures():
            async with database.raw.acquire() as connection:
                keyring = await load_keyring(connection, provider)
            heartbeat = Heartbeat(database.raw, "management")
            stack.push_async_callback(heartbeat.stop)
            await heartbeat.start()
        watch = await PositionWatch.open(url, topic)
        stack.push_async_callback(watch.close)
        end = await LogEnd.open(settings.kafka, topic)
        stack.push_async_callback(end.close)
        log = await EventLog.open(settings.kafka, topic)
        stack.push_async_callback(log.close)
        writer = Writer(log, watch, settings.append_wait_seconds, settings.view_wait_seconds)
        links = Links(settings, database, keyring, writer, watch)
        stack.push_async_callback(links.stop)
        reconciler = Reconciler(settings, database, writer, end, watch, log.partitions, links)
        sweeping = Periodic("claim_sweep", reconciler.sweep, settings.claim_sweep_seconds)
        sweeping.start()
        stack.push_async_callback(sweeping.stop)
        keys = key_source(database.raw)
        issuers = TokenIssuers(database.raw, provider, settings.token_issuer)
        await issuers.of()
        domains = Domains(database.raw)
        trust = Trust(settings.token_issuer, settings.token_audience)
        known = await stack.enter_async_context(open_verifier(keys, trust, settings.external_issuers))
        verifier = DomainVerifier(domains, database.raw, known)
        background = Background()
        with Hasher() as passwords, FairThreads("computing", 1) as computing:
            stack.push_async_callback(background.drain)
            yield Service(
                settings,
                database,
                searcher,
                keyring,
                Cursors(keyring),
                keys,
                issuers,
                domains,
                verifier,
                writer,
                watch,
                end,
                reconciler,
                links,
                LinkTokens(keys, settings.token_issuer, settings.external_issuers),
                passwords,
                computing,
                log.partitions,
                Turns(),
                RateLimits(plan_of(settings.rate_limits)),
                Room(settings.in_flight_bytes, settings.body_limit_bytes),
                background,
                Gathered(database, load("services.management")["users"]),
                Gathered(database, load("services.management")["users_with_secrets"]),
                Gathered(database, load("services.management")["users_to_edit"]),
                Gathered(database, load("services.management")["users_by_subject"]),
                Gathered(database, load("services.management")["connections_named"]),
                Newcomers(database, keyring),
            )
