"""What the Management API holds while it runs."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from schemas.sealing.keys import Keyring
from schemas.topics import Topic
from services.commands.links.link_tokens import LinkTokens
from services.commands.service import Commands, LogAccess, build_commands
from services.commands.users.commands import UserRules
from services.commands.writer import WaitTimes, Writer
from services.ledger.keys.signing_keys import key_source
from services.ledger.keys.subject_keys import load_keyring, provider_from
from services.ledger.keys.users import users_with_secrets
from services.ledger.progress.heartbeats import Heartbeat
from services.ledger.progress.position_watch import PositionWatch
from services.ledger.tenant_domains import Domains, DomainVerifier, TokenIssuers
from services.management.http.cursors import Cursors
from services.management.http.limits.rate_limits import RateLimits, plan_of
from services.management.settings import Settings
from services.queries.search.searcher import Searcher
from services.queries.users import users_by_id
from services.runtime.auth.issuers import Verifier
from services.runtime.auth.passwords import Hasher
from services.runtime.auth.remote_keys import open_verifier
from services.runtime.auth.token_verifier import KeySource, Trust
from services.runtime.background import Background
from services.runtime.fairness.body_memory import Room
from services.runtime.fairness.threads import FairThreads
from services.runtime.kafka.log_reader import LogReader, open_log
from services.runtime.kafka.log_writer import LogWriter
from services.runtime.periodic import Periodic, Readiness
from services.runtime.postgres.batch_loader import RowLoader
from services.runtime.postgres.pool import database_failures
from services.runtime.postgres.tenant_pool import TenantPool


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
    end: LogReader
    commands: Commands
    link_tokens: LinkTokens
    passwords: Hasher
    computing: FairThreads
    """One thread, for what takes more than a few milliseconds in Python."""
    partitions: int
    rates: RateLimits
    room: Room
    background: Background
    readiness: Readiness
    """Which background loops fail for an unknown reason."""
    people: RowLoader
    people_with_tokens: RowLoader


def wait_times(settings: Settings) -> WaitTimes:
    """Return how long commands wait."""
    return WaitTimes(settings.append_wait_seconds, settings.view_wait_seconds, settings.claim_settle_seconds)


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncIterator[Service]:
    """Connects to the database and the event log, and disconnects at the end. Raises Transient."""
    url = settings.database_url.get_secret_value()
    topic = settings.topic(Topic.PROFILE_EVENTS)
    provider = provider_from(settings.key_provider)
    readiness = Readiness()
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
            heartbeat = Heartbeat(database.raw, "management", readiness)
            stack.push_async_callback(heartbeat.stop)
            await heartbeat.start()
        watch = await PositionWatch.open(url, topic, readiness)
        stack.push_async_callback(watch.close)
        log = await LogWriter.open(settings.kafka, topic)
        stack.push_async_callback(log.close)
        # what is on its way in a transaction counts: a reservation must not be released before it is known
        end = await stack.enter_async_context(open_log(settings.kafka, topic, committed=False))
        times = wait_times(settings)
        writer = Writer(log, watch, times)
        passwords = stack.enter_context(Hasher())
        access = LogAccess(writer, end, watch, log.partitions)
        rules = UserRules(settings.profile_limit_bytes, settings.token_issuer)
        commands = build_commands(database, keyring, access, passwords, rules, times)
        stack.push_async_callback(commands.sagas.stop)
        every = settings.claim_sweep_seconds
        sweeping = Periodic("reservation_sweep", commands.reconciler.sweep, every, readiness)
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
        with FairThreads("computing", 1) as computing:
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
                commands,
                LinkTokens(keys, settings.token_issuer, settings.external_issuers),
                passwords,
                computing,
                log.partitions,
                RateLimits(plan_of(settings.rate_limits)),
                Room(settings.in_flight_bytes, settings.body_limit_bytes),
                background,
                readiness,
                users_by_id(database),
                users_with_secrets(database),
            )
