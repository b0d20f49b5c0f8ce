"""logins.raw -> profile.events, at least once. The effect is exactly once, because every event names the raw
login from which it is derived.

Kafka stores the worker's position, which advances after all replicas have acknowledged all events of a batch.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from aiokafka import ConsumerRecord
from pydantic import Field, ValidationError

from projections.normalization import ConnectionSettings, Normalized
from projections.normalization.admission import KnownConnection, connection_of
from projections.normalization.defaults import Pictures, pictures_of
from projections.normalization.identity import may_use
from schemas.envelope import CONTENT_TYPE, REPLAYED
from schemas.errors import InvalidEvent
from schemas.events import Event, LoginSucceeded
from schemas.formats.characters import replaced
from schemas.formats.identifiers import anonymous_subject, tenant_subject
from schemas.formats.instants import from_milliseconds
from schemas.formats.violations import violations
from schemas.sealing.keys import KeyProvider, Keyring, SubjectKeys
from schemas.sealing.mapper import LARGEST_EVENT_BYTES, KeyDestroyed, Record, seal_event
from schemas.topics import Topic
from services.ledger.dead_letters import report
from services.ledger.directory import Directory, Identity, SignInName, Subject
from services.ledger.keys.login_signing import TRUSTED, LoginSigningSettings
from services.ledger.keys.subject_keys import ensure_keys, load_keyring, provider_from
from services.ledger.progress.epochs import topic_epoch
from services.ledger.progress.heartbeats import Heartbeat
from services.normalizer.content_modes import read_login
from services.normalizer.decide import (
    FOREIGN_IDENTITY,
    Arrival,
    connection_registered,
    foreign_login_refused,
    identify_login,
    login_failed,
    login_succeeded,
    normalize_login,
    without_claims,
)
from services.normalizer.gateways import Gateways
from services.normalizer.quarantine import Letter, Origin, Quarantine
from services.normalizer.replay import INTERVAL_SECONDS, LoginReplays
from services.queries.login_connections import mapping_connections, recorded_connections
from services.runtime.kafka.log_writer import DEAD_LETTER_TYPE, LogWriter
from services.runtime.kafka.record_batches import check_readable
from services.runtime.metrics.catalogue import BATCH_PHASE_SECONDS, EVENTS
from services.runtime.metrics.meters import Phases, count
from services.runtime.periodic import FailurePolicy, Periodic, Readiness
from services.runtime.postgres.pool import DatabaseConnection, database_failures, open_pool
from services.runtime.settings import QuarantineSettings, metrics_port_field


class Settings(LoginSigningSettings, QuarantineSettings):
    """The normalizer's settings."""

    metrics_port: int = metrics_port_field(9466)
    token_issuer: str = Field(
        "http://127.0.0.1:8080/", description="`iss` of tokens: the public URL of management."
    )
    signature_tolerance_seconds: float = Field(
        300, gt=0, description="Maximum time between the signing of a login and its arrival at the broker."
    )


@dataclass(slots=True, kw_only=True)
class Item:
    """A record of a batch with the intermediate results."""

    record: ConsumerRecord
    arrival: Arrival
    connection: ConnectionSettings | None = None
    person: Normalized | None = None
    identity: Identity | None = None
    subject: str | None = None
    """The subject that logged in, according to the directory; None if it is unknown."""
    foreign: bool = False
    """True if the identity belongs to another connection; the login then belongs to no user."""
    gateway: str | None = None
    """The gateway that signed the record; None if signatures are not required."""
    tenant_exists: bool = False
    """True if the login is of a tenant that exists."""

    @property
    def origin(self) -> Origin | None:
        """The origin of the login if its tenant exists, otherwise None."""
        login = self.arrival.login
        return Origin(login.tenant, self.gateway, login=login) if self.tenant_exists else None

    @property
    def named(self) -> SignInName | None:
        """The identifier that the user typed, with its tenant and connection, or None."""
        login = self.arrival.login
        return (
            None
            if login.data.identifier is None
            else (login.tenant, login.data.connection, login.data.identifier)
        )


@dataclass(slots=True)
class Batch:
    """The intermediate results of a batch of records. `source` begins the source positions of their
    events."""

    source: str = ""
    items: list[Item] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    new_connections: dict[tuple[str, str], tuple[ConnectionSettings, Arrival]] = field(default_factory=dict)
    types: Counter[str] = field(default_factory=Counter)
    """How many events of each type are sealed."""


class Normalizer:
    """Turns raw logins into sealed events."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._signed = settings.raw_logins == "signed"
        self._batch = Batch()
        self._resources = AsyncExitStack()

    async def start(self, end_process: FailurePolicy) -> Heartbeat:
        """Connect, load the keyring and read the epoch of the topic.

        A heartbeat that cannot be written ends the process. Raises Transient.
        """
        settings = self._settings
        provider = provider_from(settings.key_provider)
        async with AsyncExitStack() as opening:
            self._pool = await open_pool(settings.database_url.get_secret_value(), max_size=4)
            opening.push_async_callback(self._pool.close)
            await self._learn(provider)
            self._events = await self._log(Topic.PROFILE_EVENTS, CONTENT_TYPE)
            opening.push_async_callback(self._events.close)
            letters = await self._log(Topic.LOGINS_RAW_DLQ, DEAD_LETTER_TYPE)
            opening.push_async_callback(letters.close)
            self._letters = Quarantine(
                letters, self._pool, self._keyring, self._epoch, settings.dead_letters_per_hour
            )
            topics = settings.topic(Topic.LOGINS_RAW), settings.topic(Topic.LOGINS_RAW_DLQ)
            self._replays = LoginReplays(settings.kafka, topics, self._pool, self._keyring, self._events)
            notice = None if self._signed else TRUSTED
            heartbeat = Heartbeat(self._pool, "normalizer", readiness := Readiness(), end_process, notice)
            opening.push_async_callback(heartbeat.stop)
            await heartbeat.start()
            self._heartbeat = heartbeat
            replaying = Periodic("replays", self.replay_requested, INTERVAL_SECONDS, readiness)
            opening.push_async_callback(replaying.stop)
            replaying.start()
            self._resources = opening.pop_all()
        return heartbeat

    async def _learn(self, provider: KeyProvider) -> None:
        with database_failures():
            async with self._pool.acquire() as connection:
                self._keyring: Keyring = await load_keyring(connection, provider)
                self._gateways = Gateways(
                    self._keyring,
                    self._settings.signing_secrets,
                    self._settings.signature_tolerance_seconds,
                )
                topic = self._settings.topic(Topic.LOGINS_RAW)
                self._epoch = await topic_epoch(connection, topic)

    async def _log(self, topic: Topic, content_type: str) -> LogWriter:
        return await LogWriter.open(self._settings.kafka, self._settings.topic(topic), content_type)

    async def stop(self) -> None:
        """Stop the heartbeat and disconnect."""
        await self._resources.aclose()

    async def stored_positions(self, partitions: Collection[int]) -> Mapping[int, int] | None:
        """Return None, because Kafka stores the positions. They advance after the effects, and repeated
        effects are harmless."""
        return None

    async def apply(self, records: Sequence[ConsumerRecord]) -> None:
        """Process a batch: read the records, resolve identities, seal events, append them. Raises
        Transient."""
        self._batch, phases = (batch := Batch()), Phases(BATCH_PHASE_SECONDS)
        sealed = await self._process(batch, records, phases)
        with phases.phase("append"):
            reports = await self._letters.keep(batch.letters)
            await self._events.append_many([*sealed, *reports])
        phases.end()
        for event_type, number in batch.types.items():
            count(EVENTS, event_type, "appended", by=number)

    async def replay_requested(self) -> int:
        """Replay the quarantined logins that an operator has asked for. Raises Transient."""
        return await self._replays.replay_requested(self.replay)

    async def replay(self, record: ConsumerRecord) -> Sequence[Record] | InvalidEvent:
        """Return the events that a quarantined record results in now, or why it is still refused. Raises
        Transient."""
        batch = Batch(source=REPLAYED)
        sealed = await self._process(batch, [record], Phases(BATCH_PHASE_SECONDS))
        return batch.letters[0].error if batch.letters else sealed

    async def _process(self, batch: Batch, records: Sequence[ConsumerRecord], phases: Phases) -> list[Record]:
        with database_failures():
            async with self._pool.acquire() as connection:
                with phases.phase("read"):
                    if self._signed:
                        await self._gateways.refresh(connection, records)
                    self._read(records, batch)
                with phases.phase("normalize"):
                    self._normalize(batch, await self._connections(connection, batch.items))
                with phases.phase("seal"):
                    return await self._events_of(connection, batch)

    async def quarantine(self, record: ConsumerRecord, error: InvalidEvent) -> None:
        """Quarantine a record that cannot be processed. Raises Transient."""
        place = record.partition, record.offset
        items = [item for item in self._batch.items if (item.record.partition, item.record.offset) == place]
        batch = Batch()
        origin, subject = (items[0].origin, items[0].subject) if items else (None, None)
        self._quarantine(batch, record, error, origin, subject)
        await self._events.append_many(await self._letters.keep(batch.letters))

    def _read(self, records: Sequence[ConsumerRecord], batch: Batch) -> None:
        for record in records:
            try:
                check_readable(record)
                login = read_login(record)
                gateway = self._gateways.verify(record, login) if self._signed else None
            except InvalidEvent as error:
                self._quarantine(batch, record, error, self._signer(record, error))
                continue
            position = f"{batch.source}{self._epoch}/{record.partition}/{record.offset}"
            arrival = Arrival(login, position, from_milliseconds(record.timestamp))
            batch.items.append(Item(record=record, arrival=arrival, gateway=gateway))

    def _signer(self, record: ConsumerRecord, error: InvalidEvent) -> Origin | None:
        """Return the origin of a record whose login cannot be read, or None if it is not authentic."""
        authentic = self._signed and error.reason != "not_authentic"
        found = self._gateways.signer(record) if authentic else None
        if found is None:
            return None
        tenant, signature = found
        return Origin(tenant, signature.gateway, replaced(signature.id.decode("utf-8", "replace")))

    async def _connections(
        self, connection: DatabaseConnection, items: Sequence[Item]
    ) -> dict[tuple[str, str], KnownConnection]:
        requested = sorted(
            {(item.arrival.login.tenant, item.arrival.login.data.connection) for item in items}
        )
        return await mapping_connections(connection, requested)

    def _normalize(self, batch: Batch, found: Mapping[tuple[str, str], KnownConnection]) -> None:
        kept = []
        for item in batch.items:
            login = item.arrival.login
            place = login.tenant, login.data.connection
            item.tenant_exists = found[place].tenant_known
            try:
                item.connection, new = connection_of(login, found[place])
                pictures = pictures_of(found[place].default_picture, self._settings.token_issuer)
                _identify(item, item.connection, pictures)
            except InvalidEvent as error:
                self._quarantine(batch, item.record, error, item.origin)
                continue
            if new:
                batch.new_connections.setdefault(place, (item.connection, item.arrival))
            kept.append(item)
        batch.items = kept

    async def _events_of(self, connection: DatabaseConnection, batch: Batch) -> list[Record]:
        directory = Directory(connection, self._keyring)
        connections_used: dict[Identity, str] = {}
        for item in batch.items:
            if item.person and item.identity and item.connection:
                connections_used.setdefault(item.identity, item.connection.name)
        people = await directory.find_or_add(connections_used)
        failures = [item for item in batch.items if item.person is None]
        known = await directory.find({item.identity for item in failures if item.identity} - set(people))
        subjects = {**known, **people}
        await self._refuse_foreign(connection, batch, subjects)
        named = await directory.find_by_sign_in_name({item.named for item in failures if item.named})
        without_user = [item for item in batch.items if item.person is None or item.foreign]
        tenants = {item.arrival.login.tenant for item in without_user} | {
            tenant for tenant, _ in batch.new_connections
        }
        tenant_keys = {
            t: await ensure_keys(connection, self._keyring, t, tenant_subject(t)) for t in sorted(tenants)
        }
        registered = [
            connection_registered(tenant, settings, arrival.time)
            for (tenant, _), (settings, arrival) in batch.new_connections.items()
        ]
        records = [seal_event(event, tenant_keys[event.tenant]) for event in registered]
        batch.types.update(event.type for event in registered)
        for item in batch.items:
            known_subject = None if item.foreign else _known(item, subjects, named)
            item.subject = None if known_subject is None else known_subject.id
            try:
                event, keys = _event(item, subjects, named, tenant_keys)
                records.append(_sealed(event, keys))
                batch.types[event.type] += 1
            except ValidationError as error:
                contract = InvalidEvent("contract", violations(error))
                self._quarantine(batch, item.record, contract, item.origin, item.subject)
            except InvalidEvent as error:
                self._quarantine(batch, item.record, error, item.origin, item.subject)
            except KeyDestroyed:
                destroyed = InvalidEvent("no_key", "the subject's keys have been destroyed")
                self._quarantine(batch, item.record, destroyed, item.origin, item.subject)
        return records

    async def _refuse_foreign(
        self, connection: DatabaseConnection, batch: Batch, people: Mapping[Identity, Subject]
    ) -> None:
        """Mark the logins whose identity belongs to a connection of another identity space."""
        owners: dict[int, tuple[str, str]] = {}
        for number, item in enumerate(batch.items):
            subject = people.get(item.identity) if item.identity else None
            if subject is None or subject.connection is None or item.connection is None:
                continue
            if subject.connection != item.connection.name:
                owners[number] = item.arrival.login.tenant, subject.connection
        if not owners:
            return
        found = await recorded_connections(connection, sorted(set(owners.values())))
        for number, owner in owners.items():
            item = batch.items[number]
            if item.connection is None or may_use(item.connection, found[owner].settings):
                continue
            item.foreign = True
            if item.person is not None:
                self._quarantine(batch, item.record, InvalidEvent(FOREIGN_IDENTITY), item.origin)

    def _quarantine(
        self,
        batch: Batch,
        record: ConsumerRecord,
        error: InvalidEvent,
        origin: Origin | None,
        subject: str | None = None,
    ) -> None:
        report(record, error, self._heartbeat)
        batch.letters.append(Letter(record, error, origin, subject))


def _identify(item: Item, connection: ConnectionSettings, pictures: Pictures) -> None:
    login = item.arrival.login
    if login.data.outcome == "success":
        item.person = normalize_login(connection, login.data, pictures)
        item.identity = login.tenant, item.person.provider, item.person.idp_id
    elif (named := identify_login(connection, login.data)) is not None:
        item.identity = login.tenant, *named


def _event(
    item: Item,
    people: Mapping[Identity, Subject],
    named: Mapping[SignInName, Subject],
    tenant_keys: Mapping[str, SubjectKeys],
) -> tuple[Event, SubjectKeys]:
    connection, login = item.connection, item.arrival.login
    if connection is None:
        raise RuntimeError("an item reaches this point with its connection")
    if item.person is not None and item.identity is not None and not item.foreign:
        subject = people[item.identity]
        return login_succeeded(item.arrival, connection, item.person, subject.id), subject.keys
    known = None if item.foreign else _known(item, people, named)
    if known is not None:
        return login_failed(item.arrival, connection, known.id), known.keys
    keys = tenant_keys[login.tenant]
    identifier = "|".join(item.identity[1:]) if item.identity else login.data.identifier or ""
    subject_id = anonymous_subject(keys.activity or b"", connection.name, identifier)
    event = foreign_login_refused if item.foreign and item.person is not None else login_failed
    return event(item.arrival, connection, subject_id), keys


def _sealed(event: Event, keys: SubjectKeys) -> Record:
    """Return the record of an event; claims that would make it too large for the log are left out.

    Raises InvalidEvent when it is too large nevertheless, and KeyDestroyed.
    """
    record = seal_event(event, keys)
    if len(record.value) > LARGEST_EVENT_BYTES and isinstance(event, LoginSucceeded) and event.data.claims:
        record = seal_event(without_claims(event), keys)
    if len(record.value) > LARGEST_EVENT_BYTES:
        raise InvalidEvent("too_large", f"the login's event is larger than {LARGEST_EVENT_BYTES} bytes")
    return record


def _known(
    item: Item, people: Mapping[Identity, Subject], named: Mapping[SignInName, Subject]
) -> Subject | None:
    return (people.get(item.identity) if item.identity else None) or (
        named.get(item.named) if item.named else None
    )
