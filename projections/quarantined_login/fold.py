"""`fold(memory, event) -> memory`: a quarantined login that is reported twice on the log counts once."""

from projections.profile.memory import is_duplicate, remember
from projections.profile.state import Memory
from schemas.events import LoginQuarantined


def fold(memory: Memory, event: LoginQuarantined) -> Memory:
    """Return the memory of a tenant's quarantined logins after the event; the unchanged object if the event
    was applied before."""
    return memory if is_duplicate(memory, event) else remember(memory, event)
