"""Opens the log of a user, present, deleted or linked, for one tenant at a time."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from schemas.errors import Transient
from schemas.sealing.keys import Keyring
from services.ledger.keys.subject_keys import read_keys
from services.queries.user_history.person_log import PersonLog
from services.queries.user_history.trail_index import audited, subject_of, with_tail
from services.runtime.fairness.gate import FairGate
from services.runtime.kafka.record_fetcher import RecordFetcher
from services.runtime.postgres.tenant_pool import TenantPool

READS: Final = 8
"""Histories that are read at once; one tenant may read half of them."""
WAITING: Final = 100
PATIENCE_SECONDS: Final = 10.0


class HistoryReader:
    """Reads the history of users from the log. Many requests share the connections to the brokers."""

    def __init__(
        self, database: TenantPool, keyring: Keyring, fetcher: RecordFetcher, partitions: int
    ) -> None:
        self._database, self._keyring, self._fetcher = database, keyring, fetcher
        self._partitions = partitions
        self._gate = FairGate("histories", READS, READS // 2, WAITING)

    @asynccontextmanager
    async def turn(self, tenant: str) -> AsyncIterator[None]:
        """A place among the histories that are read at once. Raises OverShare when too many requests of the
        tenant wait, Transient when there is no place in time."""
        async with AsyncExitStack() as held:
            try:
                await held.enter_async_context(self._gate.place(tenant, PATIENCE_SECONDS))
            except TimeoutError:
                raise Transient("too many histories are read at once") from None
            yield

    async def of_user(self, tenant: str, user_id: str) -> PersonLog | None:
        """Return the log of the user who has or had this id, None if no user did. Raises Transient."""
        async with self._database.connection(tenant) as connection:
            subject = await subject_of(connection, tenant, user_id)
        if subject is None:
            return None
        logs = await self.of_subjects(tenant, [subject])
        return logs[0] if logs else None

    async def of_subjects(self, tenant: str, subjects: Sequence[str]) -> list[PersonLog]:
        """Return the logs of these subjects; those without keys are left out. Raises Transient."""
        async with self._database.connection(tenant) as connection:
            keys = await read_keys(connection, self._keyring, [(tenant, subject) for subject in subjects])
            found = [
                (subject, await audited(connection, tenant, subject, self._partitions))
                for subject in subjects
                if (tenant, subject) in keys
            ]
        return [
            PersonLog(
                tenant,
                subject,
                keys[tenant, subject],
                await with_tail(self._fetcher, tenant, subject, self._partitions, places),
                self._fetcher,
                self._partitions,
            )
            for subject, places in found
        ]
