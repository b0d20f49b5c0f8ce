"""profile.events -> trail, exactly once: leaves are added in the transaction that advances the positions.

The auditor reads only the open envelope and holds no key to personal data. Any bytes become a leaf, so
that no record stops it.
"""

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import structlog
from aiokafka import ConsumerRecord
from pydantic import Field

from schemas.errors import InvalidEvent, Transient
from schemas.events import EVENT_TYPES
from schemas.topics import Topic
from services.auditor.decide import Jump, grow
from services.auditor.signing import CheckpointSigner, default_provider
from services.auditor.trail import read_tips, sign_checkpoint, write_growth
from services.ledger.progress.heartbeats import Heartbeat
from services.runtime.kafka.log_reader import first_offset_from
from services.runtime.metrics.catalogue import (
    BATCH_PHASE_SECONDS,
    CHECKPOINT_AGE,
    EVENTS,
    UNKNOWN_TYPE,
)
from services.runtime.metrics.exposition import read_by
from services.runtime.metrics.meters import Phases, count, show
from services.runtime.periodic import FailurePolicy, Periodic, Readiness
from services.runtime.postgres.pool import database_failures, open_pool
from services.runtime.settings import RuntimeSettings, metrics_port_field
from services.runtime.worker.consumer import Fenced
from services.runtime.worker.intake import WorkerFailed

_log = structlog.get_logger()


class Settings(RuntimeSettings):
    """The auditor's settings."""

    metrics_port: int = metrics_port_field(9468)
    checkpoint_key: str | None = Field(
        None,
        description="Checkpoint key, `file:<path>`; by default a file beside that of the key-encryption key.",
    )
    checkpoint_seconds: float = Field(
        5.0, gt=0, le=10, description="Interval between checkpoints while events arrive."
    )
    audit_batch_records: int = Field(4000, gt=0, description="Maximum number of records in a batch.")

    @property
    def checkpoint_provider(self) -> str:
        """The provider of the checkpoint key."""
        return self.checkpoint_key or default_provider(self.key_provider)


class Auditor:
    """Extends the trees by each batch, and signs them at intervals."""

    def __init__(self, settings: Settings, checkpoint_signer: CheckpointSigner) -> None:
        self._settings = settings
        self._signer = checkpoint_signer
        self._topic = settings.topic(Topic.PROFILE_EVENTS)
        self._resources = AsyncExitStack()

    async def start(self, end_process: FailurePolicy) -> Heartbeat:
        """Connect, and start to sign checkpoints.

        If signing or the heartbeat fails for an unknown reason, the process ends, because a trail must not
        grow unsigned. Raises Transient.
        """
        async with AsyncExitStack() as opening:
            self._pool = await open_pool(self._settings.database_url.get_secret_value(), max_size=3)
            opening.push_async_callback(self._pool.close)
            self._heartbeat = Heartbeat(self._pool, "auditor", Readiness(), end_process)
            with database_failures():
                await self._heartbeat.start()
            opening.push_async_callback(self._heartbeat.stop)
            every = self._settings.checkpoint_seconds
            self._signing = Periodic("checkpoint_signing", self._sign, every, end_process, at_once=False)
            self._signed_at = time.monotonic()
            self._signing.start()
            opening.push_async_callback(self._end_signing)
            opening.enter_context(read_by(self._read_checkpoint_age))
            self._resources = opening.pop_all()
        return self._heartbeat

    async def stop(self) -> None:
        """Sign what was added since the last checkpoint, and disconnect."""
        await self._resources.aclose()

    async def stored_positions(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Return the offset that each partition's tree expects next. Raises Transient."""
        with database_failures():
            tips = await read_tips(self._pool, partitions)
        return {partition: tip.next_offset for partition, tip in tips.items()}

    async def apply(self, records: Sequence[ConsumerRecord]) -> None:
        """Add a batch to the trail, completely or not at all. Raises Transient or Fenced."""
        phases = Phases(BATCH_PHASE_SECONDS)
        with phases.phase("read"), database_failures():
            growth = grow(await read_tips(self._pool, {record.partition for record in records}), records)
        for jump in growth.jumps:
            await self._account_for(jump)
        with phases.phase("write"), database_failures():
            async with self._pool.acquire() as connection, connection.transaction():
                await write_growth(connection, growth)
        phases.end()
        for event_type, number in Counter(growth.types).items():
            count(EVENTS, event_type if event_type in EVENT_TYPES else UNKNOWN_TYPE, "audited", by=number)

    async def quarantine(self, record: ConsumerRecord, error: InvalidEvent) -> None:
        """Raises WorkerFailed, because a trail without one of its leaves proves nothing."""
        raise WorkerFailed(
            f"{record.topic}/{record.partition} offset {record.offset} has no leaf: {error.detail}"
        )

    async def _account_for(self, jump: Jump) -> None:
        """Return if the log has no record in the gap. Raises Fenced otherwise, to restart at the stored
        position."""
        if jump.found > jump.expected:
            following = await first_offset_from(
                self._settings.kafka, self._topic, jump.partition, jump.expected
            )
            if following == jump.found:
                _log.warning("log_skips_offsets", topic=self._topic, **jump._asdict())
                return
        raise Fenced(f"partition {jump.partition} waits for offset {jump.expected}, not {jump.found}")

    async def _sign(self) -> None:
        try:
            with database_failures():
                async with self._pool.acquire() as connection:
                    now = datetime.now(UTC)
                    checkpoint = await sign_checkpoint(connection, self._topic, self._signer, now)
        except Transient as error:
            self._heartbeat.failed(error)
            raise
        self._signed_at = time.monotonic()
        if checkpoint is not None:
            _log.info("checkpoint_signed", number=checkpoint.number)

    async def _read_checkpoint_age(self) -> None:
        show(CHECKPOINT_AGE, {(): time.monotonic() - self._signed_at})

    async def _end_signing(self) -> None:
        await self._signing.stop()
        try:
            await self._sign()
        except Exception as error:  # the loop reported the error; resources must still be closed
            _log.warning("last_checkpoint_missed", error=type(error).__name__)
