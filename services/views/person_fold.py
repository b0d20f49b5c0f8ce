"""A person's events folded from the beginning, and the rows that they come to. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from projections.applied import Applied, EventView
from projections.batch.effects import Effects
from projections.batch.fold import fold_batch
from projections.batch.views import Views
from projections.daily.view import DAILY
from projections.fold_view import Change, Keys, Write, WriteBatch
from projections.linked_identity.view import LINKED_IDENTITY
from projections.log_entry.view import LOG_ENTRY
from projections.logged import Logged
from projections.login_guard.view import LOGIN_GUARD
from projections.membership.view import MEMBERSHIP
from projections.profile.state import NO_PROFILE, Profile
from projections.profile.view import PROFILE
from projections.search.view import SEARCH
from projections.session.view import SESSION

NET: Final[tuple[EventView, ...]] = (SEARCH, MEMBERSHIP, LINKED_IDENTITY)
RUNNING: Final[tuple[EventView, ...]] = (LOG_ENTRY, SESSION)
"""Views of a person's own rows. What is counted over many people (by day, by tenant, by address) is not among
them: no row of it is one person's."""


@dataclass(slots=True)
class PersonFold:
    """The events of one person, folded in the order of the log. What the rows of running views need is kept,
    so memory grows with the number of events."""

    tenant: str
    subject: str
    applied: list[Applied] = field(default_factory=list)
    _views: Views = field(default_factory=Views)

    def take(self, batch: Sequence[Logged], effects: Effects | None = None) -> None:
        """Fold events. What follows outside of the views from those that were not replayed is added to
        `effects`."""
        folded = fold_batch(self._views, batch, effects)
        self._views = folded.now
        self.applied.extend(folded.applied)

    @property
    def profile(self) -> Profile:
        """The person after the events."""
        return self._views.of(PROFILE).get((self.tenant, self.subject), NO_PROFILE)

    def batches(self, keys: Keys) -> list[WriteBatch]:
        """Return the statements that write the person's rows where there are none, in order."""
        found: list[WriteBatch] = []
        for view in (PROFILE, LOGIN_GUARD):
            states: dict[Any, Any] = self._views.of(view)
            changes = {
                key: Change(view.absent, state) for key, state in states.items() if state is not view.absent
            }
            found.append(view.writes(changes, keys))
        last = next((one for one in reversed(self.applied) if one.after is not None), None)
        if last is not None:
            net = [Applied(last.logged, NO_PROFILE, last.after)]
            found += [batch for view in NET for batch in view.writes(net)]
        found += [batch for view in RUNNING for batch in view.writes(self.applied)]
        return [batch for batch in found if batch]

    def days(self) -> Counter[tuple[Any, ...]]:
        """Return what the events add to the counts of days: (tenant, date, partition) -> logins, signups and
        leaked passwords as (key, kind) -> number."""
        found: Counter[tuple[Any, ...]] = Counter()
        for write in (write for batch in DAILY.writes(self.applied) for write in batch):
            for row in write.rows:
                for kind, number in zip(("logins", "signups", "leaked_passwords"), row[3:6], strict=True):
                    found[(*row[:3], kind)] += number
        return found


def rows_of(batches: Sequence[WriteBatch], query: str) -> list[Sequence[Any]]:
    """Return the rows that a named query writes."""
    writes: list[Write] = [write for batch in batches for write in batch]
    return [row for write in writes if write.query == query for row in write.rows]
