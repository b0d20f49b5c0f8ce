"""How large profiles become: warned of from 10 KB on, refused beyond the limit (fact sheet §1.5)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

from projections.profile.fold import fold
from projections.profile.state import Profile
from schemas.events import PersonEvent
from schemas.formats import exact_json
from services.commands.context import Command, to_events
from services.commands.outcome import Draft
from services.runtime.rejection import Rejected, Rejection

ADVISED_BYTES: Final = 10 * 1024
COPIES: Final = 4
"""More than as often as a value of a body comes to be in a profile: an address is also a name, a nickname and
part of an identity's data."""
FRAME_BYTES: Final = 2048
"""More than what a profile has besides."""
WARNING: Final = "Vita-Warning"
_ANYBODY: Final = "sub_" + "0" * 32


def weighed(
    command: Command, before: Profile, drafts: Sequence[Draft], sent: Any, limit_bytes: int
) -> Command:
    """The command, which now knows a size that is worth telling. Raises Rejected (413) for a profile that
    would grow beyond the limit; one that is beyond it may shrink. `sent` is the body behind the drafts."""
    if _at_most(before, sent) <= min(limit_bytes, ADVISED_BYTES):
        return command
    size = _bytes(before, command, drafts)
    if size > limit_bytes and size > _bytes(before, command, ()):
        raise Rejected(too_large(size, limit_bytes))
    return replace(command, profile_bytes=size if size > ADVISED_BYTES else None)


def warning(command: Command) -> Mapping[str, str]:
    """The header that tells of it."""
    if command.profile_bytes is None:
        return {}
    return {WARNING: f"The profile has {command.profile_bytes} bytes, more than the advised {ADVISED_BYTES}."}


def too_large(size: int, limit_bytes: int) -> Rejection:
    """413 in the words known from bodies."""
    message = f"Profile size greater than maximum allowed: {size} of {limit_bytes} bytes"
    return Rejection("too_large", message, "profile_too_large")


def _at_most(before: Profile, sent: Any) -> int:
    """A bound that costs less than the size: most profiles stay far below what is worth weighing."""
    document = 0 if before.document is None else len(exact_json.dumps(before.document))
    return document + COPIES * len(exact_json.dumps(sent)) + FRAME_BYTES


def _bytes(profile: Profile, command: Command, drafts: Sequence[Draft]) -> int:
    for event in to_events(command, _ANYBODY, drafts):
        profile = fold(profile, cast(PersonEvent, event))
    return 0 if profile.document is None else len(exact_json.dumps(profile.document))
