"""What the fold remembers of events, and how far back."""

from datetime import timedelta
from typing import Any

from projections.profile.memory import (
    COMMANDS,
    LATE_MILLISECONDS,
    OFFSETS,
    RECENT,
    REFUSED,
    is_duplicate,
    is_refused,
    refuse,
    remember,
)
from projections.profile.state import NO_PROFILE, Memory
from schemas.formats.identifiers import new_event_id
from tests.samples.profile_events import START, edit, login


def seen(*events: Any, memory: Memory = NO_PROFILE.memory) -> Memory:
    for event in events:
        memory = remember(memory, event)
    return memory


def from_source(offset: int, source: str = "1/0") -> Any:
    return login(sourceposition=f"{source}/{offset}")


def command(milliseconds: int) -> Any:
    event_id = new_event_id(START + timedelta(milliseconds=milliseconds))
    return edit(name="x").model_copy(update={"id": event_id})


def test_the_limits() -> None:
    """Rows of the view grow with them, and what is recognised shrinks."""
    assert (RECENT, OFFSETS, COMMANDS, REFUSED, LATE_MILLISECONDS) == (32, 128, 64, 16, 600_000)


def test_a_source_offset_is_applied_once() -> None:
    """In any order; offsets below all remembered ones count as applied."""
    memory = seen(from_source(5), from_source(9))
    assert [is_duplicate(memory, from_source(offset)) for offset in (5, 7, 9, 10)] == [
        True,
        False,
        True,
        False,
    ]
    assert is_duplicate(memory, from_source(4)) is False
    assert not is_duplicate(memory, from_source(5, "2/0"))
    assert not is_duplicate(NO_PROFILE.memory, from_source(0))
    full = seen(*(from_source(2 * offset) for offset in range(OFFSETS + 1)))
    assert len(full.sources["1/0"]) == OFFSETS
    assert is_duplicate(full, from_source(1))
    assert is_duplicate(full, from_source(2))
    assert not is_duplicate(full, from_source(3))


def test_a_late_source_offset_is_kept_in_order() -> None:
    """Offsets are kept sorted, so that the lowest is dropped first."""
    memory = seen(from_source(9), from_source(5))
    assert list(memory.sources["1/0"])[-2:] == [5, 9]


def test_a_retry_is_recognised_among_the_recent_ids() -> None:
    """Retries are detected among the remembered ids only."""
    first = login()
    assert is_duplicate(seen(first), first)
    others = [login() for _ in range(RECENT)]
    assert is_duplicate(seen(first, *others[1:]), first)
    assert not is_duplicate(seen(first, *others), first)


def test_a_command_is_remembered_longer_than_its_id() -> None:
    """A command is remembered by its time and some random bits, which logins do not displace."""
    one = command(0)
    memory = seen(one, *(login() for _ in range(RECENT)))
    assert is_duplicate(memory, one)
    assert not is_duplicate(memory, command(0))
    assert not is_duplicate(memory, command(-LATE_MILLISECONDS - 1))


def test_a_command_older_than_all_that_are_known_counts_as_applied() -> None:
    """If the memory of commands is full and the command is older than the newest by more than the limit."""
    full = seen(*(command(LATE_MILLISECONDS + number) for number in range(COMMANDS)))
    newest = LATE_MILLISECONDS + COMMANDS - 1
    assert len(full.commands) == COMMANDS
    assert is_duplicate(full, command(newest - LATE_MILLISECONDS - 1))
    assert not is_duplicate(full, command(newest - LATE_MILLISECONDS))
    assert not is_duplicate(full, command(newest + 1))
    fewer = seen(*(command(LATE_MILLISECONDS + number) for number in range(COMMANDS - 1)))
    assert not is_duplicate(fewer, command(0))


def test_the_oldest_commands_are_forgotten_first() -> None:
    """Whichever arrived first."""
    memory = seen(*(command(number) for number in reversed(range(COMMANDS + 1))))
    assert memory.commands == tuple(sorted(memory.commands))
    assert len(memory.commands) == COMMANDS


def test_refused_commands_are_known_by_their_cause() -> None:
    """Once each; the oldest is forgotten first."""
    one = edit(name="x")
    caused = one.model_copy(update={"causationid": "0190a1b2-c3d4-7e5f-8a9b-0000000000cc"})
    person = refuse(refuse(NO_PROFILE, one), caused)
    assert person.memory.refused == (one.id, caused.causationid)
    assert refuse(person, one) is person
    assert is_refused(person, caused)
    assert not is_refused(NO_PROFILE, one)
    for _ in range(REFUSED):
        person = refuse(person, edit(name="x"))
    assert len(person.memory.refused) == REFUSED
    assert not is_refused(person, one)
