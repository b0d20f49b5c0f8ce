"""What the fold remembers of the events it has seen: duplicates are recognised, refused commands known.

A duplicate is recognised by where it came from: the memory keeps the last source offsets applied per source
partition, and everything at or below the lowest of them counts as applied. So no event counts twice, however
often and in whatever order events are repeated, and an event that was skipped at first still counts when it
is brought back by a rewind, as long as no more than `OFFSETS` of this person's events from the same source
partition were applied since.

Commands have no source offset but ids that sort by time. The memory keeps the ids of the last ones; a command
that is older than all of them, and by more than `LATE_MILLISECONDS` older than the newest, counts as applied.
Whoever may write to the log can copy an old command. Such a copy restores no old password or role.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Final

from projections.profile.state import Memory, Profile
from schemas.events import CommandData, Event, PersonEvent

RECENT: Final = 32
"""How many of a person's latest events are remembered to recognise a gateway's retry."""
OFFSETS: Final = 128
"""How many source offsets are remembered per source partition."""
COMMANDS: Final = 64
"""How many of a person's latest commands are remembered."""
LATE_MILLISECONDS: Final = 600_000
"""A command that others overtake on its way to the log is on it long before so much time has passed."""
REFUSED: Final = 16
_BEFORE_ALL: Final = (-1,)
_BY_TIME: Final = "7"
"""The version of UUIDs that sort by time."""


def is_duplicate(memory: Memory, event: Event) -> bool:
    """Whether the event was applied before: its source offset is known or below all that are, or its id is
    among the recent ones."""
    mark = _mark(event)
    if event.sourceposition is not None:
        source, _, offset = event.sourceposition.rpartition("/")
        if _is_applied(memory.sources.get(source, _BEFORE_ALL), int(offset)):
            return True
    return _short(event.id) in memory.recent or (mark is not None and _is_old(memory.commands, mark))


def _is_old(commands: Sequence[str], mark: str) -> bool:
    if not commands or mark > commands[-1]:
        return False
    if mark in commands:
        return True
    is_late = _milliseconds(commands[-1]) - _milliseconds(mark) > LATE_MILLISECONDS
    return len(commands) == COMMANDS and mark < commands[0] and is_late


def _mark(event: Event) -> str | None:
    """The time of a command's event and some of its random bits, in an order that is that of time."""
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
    """The memory with this event in it."""
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
    """The same person, who knows that this command was turned down."""
    command = event.causationid or event.id
    if command in profile.memory.refused:
        return profile
    return profile._replace(
        memory=profile.memory._replace(refused=(*profile.memory.refused, command)[-REFUSED:])
    )


def is_refused(profile: Profile, event: PersonEvent) -> bool:
    """Whether an event of the same command was turned down before."""
    return (event.causationid or event.id) in profile.memory.refused


def is_turned_down(profile: Profile, event: PersonEvent) -> bool:
    """Whether a command does not count: nobody is there, another revision was expected, or an event of the
    same command was turned down before."""
    expected = event.data.expected_revision if isinstance(event.data, CommandData) else None
    stale = expected is not None and expected != profile.revision
    return profile.document is None or stale or is_refused(profile, event)
