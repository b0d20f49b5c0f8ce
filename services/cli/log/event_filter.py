"""The filter of `vita tail`."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from schemas.sealing.mapper import SealedEvent

_PREFIX: Final = "profile."


@dataclass(frozen=True, slots=True)
class EventFilter:
    """The conditions for events to show; a field that is None is no condition."""

    tenant: str | None = None
    type: str | None = None
    subject: str | None = None

    def holds(self, event: SealedEvent) -> bool:
        """Return whether the event passes the filter. `type` may be a pattern, with or without `profile.`."""
        name = str(event.envelope["type"])
        return (
            self.tenant in (None, event.tenant)
            and self.subject in (None, event.subject)
            and (
                self.type is None
                or fnmatchcase(name, self.type)
                or fnmatchcase(name.removeprefix(_PREFIX), self.type)
            )
        )
