"""The size of profiles: reported from 10 KB on, rejected beyond the limit (fact sheet §1.5)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, cast

from projections.profile.fold import fold
from projections.profile.state import Profile
from schemas.events import PersonEvent
from schemas.formats import exact_json
from services.commands.context import Command, CommandContext, begin_command, to_events
from services.commands.decision import Acceptance, Draft
from services.runtime.rejection import Rejection

ADVISED_BYTES: Final = 10 * 1024
COPIES: Final = 4
"""An upper bound for how often a value occurs in a profile: an address is also a name, a nickname and part of
an identity's data."""
FRAME_BYTES: Final = 2048
"""An upper bound for the size of the other parts of a profile."""
_ANYBODY: Final = "sub_" + "0" * 32


def check_profile_size(
    context: CommandContext, before: Profile, accepted: Acceptance, limit_bytes: int
) -> Acceptance | Rejection:
    """Return the decision with the size of the resulting profile if it exceeds the advised size.

    A profile that would grow beyond the limit is rejected; one that exceeds it already may shrink.
    """
    if not accepted.drafts or _at_most(before, accepted.drafts) <= min(limit_bytes, ADVISED_BYTES):
        return accepted
    command = begin_command(context)
    size = _bytes(before, command, accepted.drafts)
    if size > limit_bytes and size > _bytes(before, command, ()):
        return too_large(size, limit_bytes)
    return replace(accepted, profile_bytes=size) if size > ADVISED_BYTES else accepted


def too_large(size: int, limit_bytes: int) -> Rejection:
    """Return the rejection of a profile of this size."""
    message = f"Profile size greater than maximum allowed: {size} of {limit_bytes} bytes"
    return Rejection("too_large", message, "profile_too_large")


def _at_most(before: Profile, drafts: Sequence[Draft]) -> int:
    """Return an upper bound of the size that is cheap to compute; most profiles are far below the advised
    size."""
    document = 0 if before.document is None else len(exact_json.dumps(before.document))
    changes = sum(len(draft.data.model_dump_json().encode()) for draft in drafts)
    return document + COPIES * changes + FRAME_BYTES


def _bytes(profile: Profile, command: Command, drafts: Sequence[Draft]) -> int:
    for event in to_events(command, _ANYBODY, drafts):
        profile = fold(profile, cast(PersonEvent, event))
    return 0 if profile.document is None else len(exact_json.dumps(profile.document))
