"""Events about sessions, tokens and grants. The profile stores nothing of them; an effective command only
advances its revision."""

from projections.profile.memory import is_turned_down, refuse
from projections.profile.revisions import revise
from projections.profile.state import Profile
from schemas.events import SessionEvent


def of_a_session(profile: Profile, event: SessionEvent) -> Profile:
    """Return the next revision of the profile; the refused command is recorded if it is turned down."""
    if is_turned_down(profile, event):
        return refuse(profile, event)
    return revise(profile)
