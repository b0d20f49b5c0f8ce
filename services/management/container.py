"""The objects that the Management API holds while it runs."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from schemas.sealing.keys import KeyProvider, Keyring
from schemas.topics import Topic
from services.commands.links.link_tokens import LinkTokens
from services.commands.service import Commands, LogAccess, Recovery, build_commands
from services.commands.users.commands import UserRules
from services.commands.writer import WaitTimes, Writer
from services.ledger.keys.signing_keys import key_source
from services.ledger.keys.subject_keys import load_keyring, provider_from
from services.ledger.keys.users import users_with_secrets
from services.ledger.progress.heartbeats import Heartbeat
from services.ledger.progress.position_watch import PositionWatch
from services.ledger.tenant_domains import Domains, DomainVerifier, TokenIssuers
from services.management.cursors import Cursors
from services.management.limits.rate_limits import RateLimits, plan_of
from services.management.settings import Settings
from services.queries.search.searcher import Searcher
from services.queries.user_history.checkpoints import Checkpoints
from services.queries.user_history.reader import HistoryReader
from services.queries.user_history.timeline import Timelines
from services.queries.users import users_by_id
from services.runtime.auth.issuers import Verifier
from services.runtime.auth.passwords import Hasher
from services.runtime.auth.remote_keys import open_verifier
from services.runtime.auth.token_verifier import KeySource, Trust
from services.runtime.background import Background
from services.runtime.fairness.body_memory import BodyMemory
from services.runtime.fairness.threads import FairThreads
from services.runtime.kafka.log_reader import open_log
from services.runtime.kafka.log_writer import LogWriter
from services.runtime.kafka.record_fetcher import RecordFetcher
from services.runtime.periodic import Periodic, Readiness
from services.runtime.postgres.batch_loader import RowLoader
from services.runtime.postgres.pool import database_failures
from services.runtime.postgres.tenant_pool import TenantPool


@dataclass(frozen=True, slots=True)
class UserLoaders:
    """Batched look-ups of users by `user_id`."""

    by_id: RowLoader
    with_secrets: RowLoader


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """The views and the ledger in PostgreSQL, the event log in Kafka, and the keys that decrypt both."""

    database: TenantPool
    searcher: Searcher
    log: LogAccess
    keyring: Keyring
    cursors: Cursors
    users: UserLoaders
    history: HistoryReader
    timelines: Timelines


@dataclass(frozen=True, slots=True)
class Auth:
    """Verification and issuing of tokens, the tenants' domains, and password hashing."""

    verifier: Verifier
    issuers: TokenIssuers
    domains: Domains
    keys: KeySource
    link_tokens: LinkTokens
    passwords: Hasher


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits that prevent one client from using the capacity of the others."""

    rates: RateLimits
    body_memory: BodyMemory
    computing: FairThreads
    """One thread, for work that takes more than a few milliseconds in Python."""


@dataclass(frozen=True, slots=True)
class BackgroundWork:
    """Tasks that run beside the requests."""

    tasks: Background
    recovery: Recovery
    readiness: Readiness
    """The background loops that currently fail for an unknown reason."""


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that request handlers use."""

    settings: Settings
    storage: Storage
    commands: Commands
    auth: Auth
    limits: Limits
    background: BackgroundWork


def wait_times(settings: Settings) -> WaitTimes:
    """Return the wait limits of commands from the settings."""
    return WaitTimes(
        settings.append_wait_seconds, settings.view_wait_seconds, settings.reservation_settle_seconds
    )


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncIterator[Service]:
    """Connect to the database and the event log, and disconnect at the end. Raises Transient."""
    readiness, times = Readiness(), wait_times(settings)
    provider = provider_from(settings.key_provider)
    async with AsyncExitStack() as stack:
        storage = await _open_storage(stack, settings, provider, times, readiness)
        passwords = stack.enter_context(Hasher())
        rules = UserRules(settings.profile_limit_bytes, settings.token_issuer)
        commands, recovery = build_commands(
            storage.database, storage.keyring, storage.log, passwords, rules, times
        )
        stack.push_async_callback(recovery.sagas.stop)
        every = settings.reservation_sweep_seconds
        sweeping = Periodic("reservation_sweep", recovery.reconciler.sweep, every, readiness)
        sweeping.start()
        stack.push_async_callback(sweeping.stop)
        auth = await _open_auth(stack, settings, provider, storage.database, passwords)
        tasks = Background()
        with FairThreads("computing", 1) as computing:
            stack.push_async_callback(tasks.drain)
            limits = Limits(
                RateLimits(plan_of(settings.rate_limits)),
                BodyMemory(settings.in_flight_bytes, settings.body_limit_bytes),
                computing,
            )
            background = BackgroundWork(tasks, recovery, readiness)
            yield Service(settings, storage, commands, auth, limits, background)


async def _open_storage(
    stack: AsyncExitStack, settings: Settings, provider: KeyProvider, times: WaitTimes, readiness: Readiness
) -> Storage:
    url = settings.database_url.get_secret_value()
    topic = settings.topic(Topic.PROFILE_EVENTS)
    database = await TenantPool.open(url, settings.pool_connections, "management")
    stack.push_async_callback(database.close)
    searcher = await stack.enter_async_context(
        Searcher.open(
            url, settings.search_connections, settings.search_timeout_seconds, settings.search_queue
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
    # Records of open transactions count: a reservation must not be released before their outcome is known.
    end = await stack.enter_async_context(open_log(settings.kafka, topic, committed=False))
    access = LogAccess(Writer(log, watch, times), end, watch, log.partitions)
    users = UserLoaders(users_by_id(database), users_with_secrets(database))
    fetcher = await stack.enter_async_context(RecordFetcher.open(settings.kafka, topic))
    history = HistoryReader(database, keyring, fetcher, log.partitions)
    checkpoints = Checkpoints()
    stack.callback(checkpoints.close)
    timelines = Timelines(history, checkpoints)
    return Storage(
        database=database,
        searcher=searcher,
        log=access,
        keyring=keyring,
        cursors=Cursors(keyring),
        users=users,
        history=history,
        timelines=timelines,
    )


async def _open_auth(
    stack: AsyncExitStack,
    settings: Settings,
    provider: KeyProvider,
    database: TenantPool,
    passwords: Hasher,
) -> Auth:
    keys = key_source(database.raw)
    issuers = TokenIssuers(database.raw, provider, settings.token_issuer)
    await issuers.of()
    domains = Domains(database.raw)
    trust = Trust(settings.token_issuer, settings.token_audience)
    known = await stack.enter_async_context(open_verifier(keys, trust, settings.external_issuers))
    verifier = DomainVerifier(domains, database.raw, known)
    link_tokens = LinkTokens(keys, settings.token_issuer, settings.external_issuers)
    return Auth(verifier, issuers, domains, keys, link_tokens, passwords)
