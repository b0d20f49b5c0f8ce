"""One person's events in the order of the log, verified and opened, a few at a time."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from projections.history.steps import HistoryStep, is_personal, step
from projections.logged import Logged
from projections.profile.state import NO_PROFILE, Profile
from schemas.sealing.keys import SubjectKeys
from services.queries.user_history.trail_index import TrailIndex
from services.runtime.fairness.current_request import own_turn
from services.runtime.kafka.record_fetcher import RecordFetcher
from services.views.opening import open_records, read_records

CHUNK: Final = 100
"""Records that are read together; no more than these are in memory at once."""


@dataclass(frozen=True, slots=True)
class PersonLog:
    """The events of a subject, on a topic with `partitions`."""

    tenant: str
    subject: str
    keys: SubjectKeys
    index: TrailIndex
    fetcher: RecordFetcher
    partitions: int

    @property
    def is_erased(self) -> bool:
        """Whether the keys that open the person's events have been destroyed."""
        return self.keys.profile is None

    async def steps(
        self, start: int = 0, end: int | None = None, profile: Profile = NO_PROFILE
    ) -> AsyncIterator[tuple[int, HistoryStep]]:
        """Yield the steps of the history with their numbers in the index, from one number to before another;
        `profile` is the state before the first of them.

        Records that hold no valid event of the person are left out, as the views leave them out. Raises
        Transient.
        """
        last = len(self.index.places) if end is None else end
        for first in range(start, last, CHUNK):
            await own_turn()
            for number, logged in await self.events(range(first, min(first + CHUNK, last))):
                one = step(profile, logged)
                profile = one.after
                yield number, one

    async def events(self, numbers: range) -> list[tuple[int, Logged]]:
        """Return the valid events with these numbers in the index. Raises Transient."""
        offsets = {self.index.places[number].offset: number for number in numbers}
        stored = [offset for offset in offsets if offset not in self.index.tail]
        records = await self.fetcher.records_at(self.index.partition, stored)
        records += [self.index.tail[offset] for offset in offsets if offset in self.index.tail]
        read, _ = read_records(records, self.partitions, {})
        owner = self.tenant, self.subject
        own = [one for one in read if one.owner == owner]
        opened = await open_records(own, {owner: self.keys}, {})
        return [
            (offsets[one.position.offset], one)
            for one in opened
            if isinstance(one, Logged) and is_personal(one)
        ]
