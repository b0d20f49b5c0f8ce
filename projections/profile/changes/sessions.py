"""What is said of a person's access. The person keeps nothing of it; that a command counted is a revision."""

from projections.profile.memory import is_turned_down, refuse
from projections.profile.revisions import revise
from projections.profile.state import Profile
from schemas.events import SessionEvent


def of_a_session(profile: Profile, event: SessionEvent) -> Profile:
    """The next revision of the same person, or the very same when the command is turned down."""
    if is_turned_down(profile, event):
        return refuse(profile, event)
    return revise(profile)
