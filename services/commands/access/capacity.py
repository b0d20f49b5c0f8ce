"""Whether somebody has room for more, and what has to go for it because it is no more."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.events import (
    PermissionsAssigned,
    PermissionsData,
    PermissionsRemoved,
    RolesAssigned,
    RolesData,
    RolesRemoved,
)
from services.commands.outcome import Draft


@dataclass(frozen=True, slots=True)
class Room:
    """What to give, and what to take first."""

    new: tuple[str, ...]
    dead: tuple[str, ...]


def room_for(
    held: Mapping[str, Any], living: Collection[str], asked: Sequence[str], most: int
) -> Room | None:
    """What of `asked` is new to somebody who has `held`, of which only `living` counts; None beyond `most`.

    What is no more is only taken where the fold, which cannot know that, would find too many.
    """
    new = tuple(each for each in dict.fromkeys(asked) if each not in held)
    dead = tuple(each for each in held if each not in living)
    if len(held) - len(dead) + len(new) > most and new:
        return None
    return Room(new, dead if new and len(held) + len(new) > most else ())


def roles_given(room: Room) -> list[Draft]:
    """The events that give roles."""
    drafts = [Draft(RolesRemoved, RolesData(roles=room.dead))] if room.dead else []
    if room.new:
        drafts.append(Draft(RolesAssigned, RolesData(roles=room.new)))
    return drafts


def permissions_given(room: Room, names: Mapping[str, tuple[str, str]]) -> list[Draft]:
    """The events that give permissions, which have these names."""
    drafts = [Draft(PermissionsRemoved, PermissionsData(permissions=room.dead))] if room.dead else []
    if room.new:
        data = PermissionsData(permissions=room.new, names=tuple(names[each] for each in room.new))
        drafts.append(Draft(PermissionsAssigned, data))
    return drafts
