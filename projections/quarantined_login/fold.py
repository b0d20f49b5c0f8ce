"""`fold(memory, event) -> memory`: a quarantined login that the log tells of again counts once."""

from projections.profile.memory import is_duplicate, remember
from projections.profile.state import Memory
from schemas.events import LoginQuarantined


def fold(memory: Memory, event: LoginQuarantined) -> Memory:
    """What is remembered of a tenant's quarantined logins after the event; the very same object when it was
    told before."""
    return memory if is_duplicate(memory, event) else remember(memory, event)
