"""Replays people's histories twice: with their logins as the log has them, and mapped again.

Everything is read with the operator's rights. A partition is cut into buckets of people, so that memory stays
bounded: at most SUBJECTS_PER_BUCKET people are folded at once, and two states are kept only of those for whom
they differ.
"""

import tempfile
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from projections.fold_view import Owner, is_of_a_person
from projections.logged import Logged
from projections.profile.state import NO_PROFILE, Profile
from projections.profile.view import PROFILE
from projections.remapping.comparison import ABSENT, changed_attributes, origins_differ
from projections.remapping.configurations import Configurations, MappingSettings
from projections.remapping.logins import remap_login
from schemas.errors import InvalidEvent
from schemas.events import LoginSucceeded
from schemas.formats.identifiers import PERSON, record_key, tenant_subject
from schemas.sealing.keys import Keyring, SubjectKeys
from schemas.sealing.mapper import read_sealed
from services.ledger.keys.subject_keys import read_keys
from services.rebuild.plan import SUBJECTS_PER_BUCKET
from services.rebuild.spill import Spill
from services.rebuild.what_if.question import Answer, PersonDifference, Question
from services.rebuild.what_if.sample import Sample
from services.runtime.kafka.log_reader import LogReader
from services.runtime.kafka.log_writer import partition_of
from services.runtime.kafka.record_batches import Unreadable
from services.runtime.postgres.pool import DatabaseConnection
from services.views.clock import Latest, stamp
from services.views.opening import Refused, open_records, read_records

BATCH: Final = 1000
MOST_BUCKETS: Final = 64
"""Files that are open at once. A partition with more than MOST_BUCKETS × SUBJECTS_PER_BUCKET people makes
larger buckets."""
LOGIN: Final = "profile.login.succeeded"

Report = Callable[[str, int, int], None]
"""Takes a phase (`sampling`, `replaying`), the records that it has read, and those that it has to read."""
Found = Callable[[PersonDifference], None]


class UnknownConnection(LookupError):
    """The tenant has no connection of this name. `known` are the names of those that it has."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(name)
        self.known = known


@dataclass(slots=True)
class _Person:
    before: Profile = NO_PROFILE
    after: Profile = NO_PROFILE
    concerned: bool = False


@dataclass(kw_only=True)
class WhatIf:
    """Answers a question from the log. `connection` acts as the operator."""

    connection: DatabaseConnection
    keyring: Keyring
    log: LogReader
    question: Question
    public_url: str
    report: Report
    found: Found
    answer: Answer = field(default_factory=Answer)
    _settings: dict[tuple[str, str], MappingSettings] = field(default_factory=dict)
    _read: int = 0

    async def run(self) -> Answer:
        """Replay the log up to its present end. Differences are passed to `found` as they are found.

        Raises UnknownConnection when the tenant has no such connection, Transient when a server does not
        answer, WorkerFailed for an event that a newer version of Vita wrote, and CannotUnseal when the
        keyring is another installation's.
        """
        begins, ends = await self.log.begins(), await self.log.ends()
        self._configurations = await self._configured(ends)
        name = self.question.connection
        if name is not None and name not in (known := self._configurations.names()):
            raise UnknownConnection(name, known)
        total = sum(ends[one] - begins[one] for one in ends)
        chosen = None if self.question.sample is None else await self._sampled(ends, total)
        self._read = 0
        for partition in self.log.partitions:
            await self._replay(partition, ends[partition], ends[partition] - begins[partition], total, chosen)
        return self.answer

    async def _configured(self, ends: Mapping[int, int]) -> Configurations:
        """Fold the tenant's configuration."""
        found = Configurations(self.public_url)
        key = record_key(self.question.tenant, tenant_subject(self.question.tenant))
        partition = partition_of(key, len(self.log.partitions))
        latest: Latest = {}
        async for records in self._batches(partition, ends[partition]):
            own = [record for record in records if record.key == key]
            for logged in await self._opened(own, {}, latest):
                found.take(logged)
        return found

    async def _sampled(self, ends: Mapping[int, int], total: int) -> Collection[bytes]:
        sample = Sample(self.question.sample or 0)
        for partition in self.log.partitions:
            async for records in self._batches(partition, ends[partition]):
                for record in records:
                    if self._is_ours(record) and self._concerns(record):
                        sample.offer(record.key)
                self._read += len(records)
                self.report("sampling", min(self._read, total), total)
        self.report("sampling", total, total)
        return sample.keys

    def _concerns(self, record: Any) -> bool:
        """Whether a record looks like a login that is mapped again; that is verified when it is opened."""
        try:
            envelope = read_sealed(record.key, record.value).envelope
        except InvalidEvent:
            return False
        name = self.question.connection
        return envelope["type"] == LOGIN and name in (None, envelope["data"].get("connection"))

    async def _replay(
        self, partition: int, end: int, records: int, total: int, chosen: Collection[bytes] | None
    ) -> None:
        buckets = 1 if chosen is not None else min(MOST_BUCKETS, -(-records // SUBJECTS_PER_BUCKET) or 1)
        if buckets == 1:
            await self._fold(self._wanted(partition, end, total, chosen))
            return
        latest: Latest = {}
        with tempfile.TemporaryDirectory(prefix="vita-whatif-") as folder:
            spill = Spill(Path(folder), partition, range(buckets), buckets)
            async for batch in self._wanted(partition, end, total, chosen):
                spill.add(batch, stamp(batch, latest))
            spill.close()
            for bucket in range(buckets):
                await self._fold(_again(spill.read(bucket, BATCH)))
                spill.remove(bucket)

    async def _wanted(
        self, partition: int, end: int, total: int, chosen: Collection[bytes] | None
    ) -> AsyncIterator[Sequence[Any]]:
        """The records of people in question."""
        async for records in self._batches(partition, end):
            self._read += len(records)
            self.report("replaying", min(self._read, total), total)
            wanted = [one for one in records if self._is_ours(one) and (chosen is None or one.key in chosen)]
            if wanted:
                yield wanted

    def _is_ours(self, record: Any) -> bool:
        prefix = f"{self.question.tenant}/{PERSON}".encode()
        return (
            record.key is not None
            and record.value is not None
            and not isinstance(record.value, Unreadable)
            and record.key.startswith(prefix)
        )

    async def _batches(self, partition: int, end: int) -> AsyncIterator[Sequence[Any]]:
        await self.log.go_to(partition)
        while records := await self.log.records(end, BATCH):
            yield records

    async def _fold(self, batches: AsyncIterator[Sequence[Any]]) -> None:
        people: dict[str, _Person] = {}
        keys: dict[Owner, SubjectKeys] = {}
        latest: Latest = {}
        async for records in batches:
            for logged in await self._opened(records, keys, latest):
                self.answer.events += 1
                if PROFILE.decides(logged.event.type, is_of_a_person(logged.event)):
                    self._apply(people.setdefault(logged.event.subject, _Person()), logged)
        for subject, person in people.items():
            if person.concerned:
                self._compare(subject, person)

    async def _opened(
        self, records: Sequence[Any], keys: dict[Owner, SubjectKeys], latest: Latest
    ) -> list[Logged]:
        read, refused = read_records(records, len(self.log.partitions), latest)
        if unknown := {one.owner for one in read} - keys.keys():
            keys |= await read_keys(self.connection, self.keyring, unknown)
        opened = await open_records(read, keys, {})
        self.answer.unreadable += len(refused) + sum(isinstance(one, Refused) for one in opened)
        return [one for one in opened if isinstance(one, Logged)]

    def _apply(self, person: _Person, logged: Logged) -> None:
        event: Any = logged.event
        again = event
        if isinstance(event, LoginSucceeded) and self.question.connection in (None, event.data.connection):
            person.concerned = True
            remapped = remap_login(event, self._settings_of(event, logged.recorded_at))
            self.answer.logins[remapped.outcome] += 1
            self.answer.leads_elsewhere += remapped.leads_elsewhere
            again = remapped.event
        before = PROFILE.fold(person.before, event)
        is_one = person.after is person.before and again is event
        person.after = before if is_one else PROFILE.fold(person.after, again)
        person.before = before

    def _settings_of(self, event: LoginSucceeded, at: datetime) -> MappingSettings:
        data, changes = event.data, self.question.changes
        if changes is None:
            return self._configurations.of(data.connection, data.strategy, at)
        known = self._settings.get((data.connection, data.strategy))
        if known is None:
            known = self._configurations.of(data.connection, data.strategy, changes=changes)
            self._settings[data.connection, data.strategy] = known
        return known

    def _compare(self, subject: str, person: _Person) -> None:
        answer = self.answer
        if person.before.document is None and person.after.document is None:
            return
        answer.people += 1
        changes = changed_attributes(person.before, person.after)
        if not changes:
            answer.only_origins += origins_differ(person.before, person.after)
            return
        answer.changed += 1
        for name, change in changes.items():
            if change.before is ABSENT:
                answer.additions[name] += 1
            elif change.after is ABSENT:
                answer.removals[name] += 1
            else:
                answer.changes[name] += 1
        user_id = None if person.before.document is None else person.before.document.get("user_id")
        self.found(PersonDifference(subject, user_id, changes))


async def _again(batches: Any) -> AsyncIterator[Sequence[Any]]:
    for batch in batches:
        yield batch
