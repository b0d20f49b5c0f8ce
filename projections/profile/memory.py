"""What the fold remembers of the events it has seen: duplicates are recognised, refused commands known."""

from typing import Final

from projections.profile.state import Memory, Profile
from schemas.events import CommandData, PersonEvent

RECENT: Final = 32
"""How many of a person's latest events are remembered to recognise a gateway's retry."""
REFUSED: Final = 16


def is_duplicate(memory: Memory, event: PersonEvent) -> bool:
    """Whether the event was applied before: its source offset is at or below the mark, or its id is among the
    recent ones."""
    if event.sourceposition is not None:
        source, _, offset = event.sourceposition.rpartition("/")
        if int(offset) <= memory.watermarks.get(source, -1):
            return True
    return _short(event.id) in memory.recent


def _short(event_id: str) -> str:
    return event_id[-17:-13] + event_id[-12:]


def remember(memory: Memory, event: PersonEvent) -> Memory:
    """The memory with this event in it."""
    watermarks = memory.watermarks
    if event.sourceposition is not None:
        source, _, offset = event.sourceposition.rpartition("/")
        watermarks = {**watermarks, source: int(offset)}
    recent = (*memory.recent, _short(event.id))[-RECENT:]
    return memory._replace(watermarks=watermarks, recent=recent)


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
