"""A user's events in pages, with those of the identities that are or were linked to the user.

A linked identity keeps its own subject and its own part of the log, so a timeline merges several. Within a
subject the order is that of the log; between subjects it is that of time, where an event counts as no earlier
than those of its subject before it.
"""

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from itertools import islice
from typing import Final, NamedTuple, Self

from projections.history.entry import entry_of
from projections.history.steps import HistoryStep
from projections.profile.changes.links import merged_into
from schemas.events import IdentityLinked
from schemas.formats import exact_json, instants
from schemas.formats.positions import Position
from services.queries.user_history.checkpoints import Checkpoints, spacing
from services.queries.user_history.person_log import PersonLog
from services.queries.user_history.reader import HistoryReader
from services.queries.user_history.trail_index import Place

PAGE_BYTES: Final = 4 << 20
"""A page with more has fewer events, at least one."""
_KEPT_ENDS: Final = 1000
_LINKED: Final = "profile.identity.linked"
_PREFIX: Final = "profile."


class TimelineMark(NamedTuple):
    """The place of an event in a timeline; marks sort as the events do."""

    at: datetime
    partition: int
    offset: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the mark that `str` made. Raises ValueError for another text."""
        time, _, position = text.partition(" ")
        place = Position.parse(position)
        return cls(instants.parse(time), place.partition, place.offset)

    def __str__(self) -> str:
        return f"{instants.render(self.at)} {self.partition}:{self.offset}"


@dataclass(frozen=True, slots=True)
class TimelineQuery:
    """Which events of a timeline a page has, and where it begins: after `after`, at the beginning if None.

    `types` are patterns with `*`, with or without `profile.`; empty for all types. `since` is included,
    `until` is not.
    """

    oldest_first: bool
    take: int
    types: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    after: TimelineMark | None = None

    def holds(self, event_type: str, time: datetime) -> bool:
        """Return whether an event of this type and time is among those asked for."""
        return (
            (self.since is None or time >= self.since)
            and (self.until is None or time < self.until)
            and (not self.types or any(_fits(event_type, pattern) for pattern in self.types))
        )


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """A page: the entries as JSON, where the next page begins (None at the end), the positions up to which
    every event is known, and whether the log had no others behind them."""

    entries: Sequence[bytes]
    following: TimelineMark | None
    reaches: Sequence[Position]
    is_whole: bool


class _Thread(NamedTuple):
    """The events of one subject in a timeline, up to before a number."""

    log: PersonLog
    end: int
    of_linked: bool


class _Chosen(NamedTuple):
    """An event of a page: its mark, its thread, and its number there."""

    mark: TimelineMark
    thread: int
    number: int


class Timelines:
    """Reads timelines, and keeps what helps to read the next page of one."""

    def __init__(self, reader: HistoryReader, checkpoints: Checkpoints) -> None:
        self._reader, self._checkpoints = reader, checkpoints
        self._linked_ends: OrderedDict[tuple[str, str, str, int], int] = OrderedDict()
        """Offset behind the last event, by tenant, subject, primary, and how far the index reached."""

    async def page(self, log: PersonLog, query: TimelineQuery) -> TimelinePage:
        """Return a page of a user's timeline. Raises Transient."""
        threads = await self._threads(log)
        chosen = _choose(threads, query)
        page = chosen[: query.take]
        entries = await self._entries(threads, page)
        more = len(chosen) > len(page)
        following = page[-1].mark if more and page else None
        reaches = [thread.log.index.end for thread in threads]
        whole = all(thread.log.index.is_whole for thread in threads)
        return TimelinePage([entries[one] for one in page if one in entries], following, reaches, whole)

    async def _threads(self, log: PersonLog) -> list[_Thread]:
        """Return the user's own events and those of linked identities, up to the end of their last link."""
        own = _Thread(log, len(log.index.places), False)
        numbers = [number for number, place in enumerate(log.index.places) if place.type == _LINKED]
        secondaries = {
            logged.event.data.secondary
            for number in numbers
            for _, logged in await log.events(range(number, number + 1))
            if isinstance(logged.event, IdentityLinked)
        } - {log.subject}
        if not secondaries:
            return [own]
        logs = await self._reader.of_subjects(log.tenant, sorted(secondaries))
        ends = [(one, await self._linked_end(one, log.subject)) for one in logs if not one.is_erased]
        return [own, *(_Thread(one, end, True) for one, end in ends if end)]

    async def _linked_end(self, log: PersonLog, into: str) -> int:
        """Return the number behind the last event of an identity that came while it was linked to `into`,
        that of unlinking included; 0 if it never was."""
        key = log.tenant, log.subject, into, log.index.reaches
        if key not in self._linked_ends:
            end = 0
            async for _, step in self._steps(log, range(len(log.index.places))):
                if into in (merged_into(step.before), merged_into(step.after)):
                    end = step.logged.position.offset + 1
            self._linked_ends[key] = end
            if len(self._linked_ends) > _KEPT_ENDS:
                self._linked_ends.popitem(last=False)
        return _number_at(log, self._linked_ends[key])

    async def _entries(self, threads: Sequence[_Thread], page: list[_Chosen]) -> dict[_Chosen, bytes]:
        """Return the entries of a page, which is cut short when they are too large; at least one event is
        left. Events that do not count in this history have no entry."""
        made: dict[_Chosen, bytes] = {}
        size = 0
        for place, thread in enumerate(threads):
            wanted = {one.number: one for one in page if one.thread == place}
            if not wanted:
                continue
            async for number, step in self._steps(thread.log, range(min(wanted), max(wanted) + 1)):
                one = wanted.get(number)
                if one is None or not _is_shown(step, thread, threads[0].log.subject):
                    continue
                made[one] = exact_json.dumps(entry_of(step, of_linked=thread.of_linked))
                size += len(made[one])
                while size > PAGE_BYTES and len(page) > 1:
                    size -= len(made.pop(page.pop(), b""))
        return made

    async def _steps(self, log: PersonLog, numbers: range) -> AsyncIterator[tuple[int, HistoryStep]]:
        """Yield the steps of a history with these numbers, and those before them that are needed to know what
        was there."""
        if not numbers:
            return
        places, owner = log.index.places, (log.tenant, log.subject)
        every = spacing(len(places))
        offset, profile = self._checkpoints.before(owner, places[numbers.start].offset)
        async for number, step in log.steps(_number_at(log, offset), numbers.stop, profile):
            if number % every == 0:
                self._checkpoints.keep(owner, places[number].offset, step.before)
            profile = step.after
            yield number, step
        self._checkpoints.keep(owner, places[numbers.stop - 1].offset + 1, profile)


def _number_at(log: PersonLog, offset: int) -> int:
    """Return the number of the first event of a history at an offset or behind it."""
    return bisect_left(log.index.places, offset, key=lambda place: place.offset)


def _choose(threads: Sequence[_Thread], query: TimelineQuery) -> list[_Chosen]:
    """Return the events of a page in its order, and one more if there are more."""
    found = [one for place, thread in enumerate(threads) for one in _candidates(place, thread, query)]
    found.sort(reverse=not query.oldest_first)
    return found[: query.take + 1]


def _candidates(place: int, thread: _Thread, query: TimelineQuery) -> Iterator[_Chosen]:
    """Return the events of a thread that a page may have, in its order."""
    index, end = thread.log.index, thread.end

    def mark(one: Place) -> TimelineMark:
        return TimelineMark(one.at, index.partition, one.offset)

    if query.oldest_first:
        start = 0 if query.after is None else bisect_right(index.places, query.after, hi=end, key=mark)
        numbers: Iterable[int] = range(start, end)
    else:
        stop = end if query.after is None else bisect_left(index.places, query.after, hi=end, key=mark)
        numbers = reversed(range(stop))
    places = ((number, index.places[number]) for number in numbers)
    held = ((number, one) for number, one in places if query.holds(one.type, one.time))
    return (_Chosen(mark(one), place, number) for number, one in islice(held, query.take + 1))


def _is_shown(step: HistoryStep, thread: _Thread, primary: str) -> bool:
    """Return whether an event has an entry: none for a repeated one, and for a login of a linked identity
    there is one already, that of its copy among the user's own events."""
    if step.verdict == "duplicate":
        return False
    return not (thread.of_linked and step.verdict == "forwarded" and merged_into(step.before) == primary)


def _fits(event_type: str, pattern: str) -> bool:
    return fnmatchcase(event_type, pattern) or fnmatchcase(event_type.removeprefix(_PREFIX), pattern)
