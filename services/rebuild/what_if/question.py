"""The question and its answer."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from projections.remapping.comparison import ValueChange
from projections.remapping.logins import Outcome


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which logins of a tenant are mapped again, and how.

    `connection` restricts them to those through it; None means all. With `changes` they are mapped by the
    connection's present settings with these options in place of its own (None takes one away); without,
    by the settings that were recorded when each of them happened, so that only the code differs. `sample` is
    the number of people; None means everybody.
    """

    tenant: str
    connection: str | None
    changes: Mapping[str, Any] | None
    sample: int | None


class PersonDifference(NamedTuple):
    """A person whose profile would differ. `user_id` is None for one without a profile at present."""

    subject: str
    user_id: str | None
    changes: Mapping[str, ValueChange]


@dataclass(kw_only=True)
class Answer:
    """What was found: the people with logins in question, those whose profile would differ, and those of
    whom only the recorded origins of values would; per attribute the people for whom it would be set,
    removed or get another value; and the logins by outcome."""

    people: int = 0
    changed: int = 0
    only_origins: int = 0
    events: int = 0
    unreadable: int = 0
    leads_elsewhere: int = 0
    logins: Counter[Outcome] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    additions: Counter[str] = field(default_factory=Counter)
    removals: Counter[str] = field(default_factory=Counter)
