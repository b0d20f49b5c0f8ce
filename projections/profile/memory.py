"""Memory of a profile's earlier events: detects duplicates and refused commands.

Duplicates are detected by their origin. For each source partition, the memory keeps the last source offsets
that were applied; every offset at or below the lowest of them counts as applied. An event is never applied
twice, regardless of repetitions and order. An event that was skipped is still applied after a rewind, if at
most `OFFSETS` later events of this person from the source partition were applied since.

A raw login that was quarantined and is replayed comes from a source of its own, in which no later login is
before it. It is the same login as the one of the offset in the source partition.

Commands have no source offset but ids that sort by time. The memory keeps the ids of the last ones. A command
that is older than all of them, and older than the newest by more than `LATE_MILLISECONDS`, counts as applied.
A party with write access to the log can append a copy of an old command; such a copy cannot restore an old
password or role.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Final

from projections.profile.state import Memory, Profile
from schemas.envelope import REPLAYED
from schemas.events import CommandData, Event, PersonEvent

RECENT: Final = 32
"""The number of latest events that are remembered to detect a gateway's retries."""
OFFSETS: Final = 128
"""The number of source offsets that are remembered per source partition."""
COMMANDS: Final = 64
"""The number of latest commands that are remembered."""
LATE_MILLISECONDS: Final = 600_000
"""Commands that overtake each other on their way to the log differ by much less than this time."""
REFUSED: Final = 16
_BEFORE_ALL: Final = (-1,)
_BY_TIME: Final = "7"
"""The version of UUIDs that sort by time."""


def is_duplicate(memory: Memory, event: Event) -> bool:
    """Whether the event was applied before: its source offset or its id is remembered, or is older than all
    that are."""
    mark = _mark(event)
    if event.sourceposition is not None:
        source, _, offset = event.sourceposition.rpartition("/")
        if _is_applied(memory.sources.get(source, _BEFORE_ALL), int(offset)):
            return True
        if int(offset) in memory.sources.get(_other_way(source), ()):
            return True
    return _short(event.id) in memory.recent or (mark is not None and _is_old(memory.commands, mark))


def _other_way(source: str) -> str:
    """The source by which a raw login comes when it is replayed from quarantine, or when it is not."""
    return source.removeprefix(REPLAYED) if source.startswith(REPLAYED) else REPLAYED + source


def _is_old(commands: Sequence[str], mark: str) -> bool:
    if not commands or mark > commands[-1]:
        return False
    if mark in commands:
        return True
    is_late = _milliseconds(commands[-1]) - _milliseconds(mark) > LATE_MILLISECONDS
    return len(commands) == COMMANDS and mark < commands[0] and is_late


def _mark(event: Event) -> str | None:
    """Return the time and some random bits of a command's id, sortable by time; None for other events."""
    if not isinstance(event.data, CommandData) or event.id[14] != _BY_TIME:
        return None
    return event.id[:8] + event.id[9:13] + event.id[-8:]


def _milliseconds(mark: str) -> int:
    return int(mark[:12], 16)


def _is_applied(offsets: Sequence[int], offset: int) -> bool:
    if offset > offsets[-1]:
        return False
    place = bisect_left(offsets, offset)
    return place == 0 or offsets[place] == offset


def _short(event_id: str) -> str:
    return event_id[-17:-13] + event_id[-12:]


def remember(memory: Memory, event: Event) -> Memory:
    """Return the memory with this event added."""
    sources, commands, mark = memory.sources, memory.commands, _mark(event)
    if event.sourceposition is not None:
        source, _, offset = event.sourceposition.rpartition("/")
        offsets = [*sources.get(source, _BEFORE_ALL)]
        insort(offsets, int(offset))
        sources = {**sources, source: offsets[-OFFSETS:]}
    recent = (*memory.recent, _short(event.id))[-RECENT:]
    if mark is not None:
        commands = tuple(sorted((*commands, mark)))[-COMMANDS:]
    return memory._replace(sources=sources, recent=recent, commands=commands)


def refuse(profile: Profile, event: PersonEvent) -> Profile:
    """Return the profile with the event's command recorded as refused."""
    command = event.causationid or event.id
    if command in profile.memory.refused:
        return profile
    return profile._replace(
        memory=profile.memory._replace(refused=(*profile.memory.refused, command)[-REFUSED:])
    )


def is_refused(profile: Profile, event: PersonEvent) -> bool:
    """Whether an earlier event of this command was refused."""
    return (event.causationid or event.id) in profile.memory.refused


def is_turned_down(profile: Profile, event: PersonEvent) -> bool:
    """Whether the event's command must be refused: the profile has no document, the expected revision
    differs, or an earlier event of the command was refused."""
    expected = event.data.expected_revision if isinstance(event.data, CommandData) else None
    stale = expected is not None and expected != profile.revision
    return profile.document is None or stale or is_refused(profile, event)
