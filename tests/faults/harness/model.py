"""What the services have acknowledged, and what may be as its outcome is unknown. No code of the product.

Every request and every publish adds a fact here when it is sent, and the answer decides it. What was sent and
never acknowledged may have happened or not, but at most once.
"""

import time
from dataclasses import dataclass, field
from enum import Enum


class Fate(Enum):
    """What is known of something that was sent."""

    DONE = "acknowledged"
    UNKNOWN = "without an answer"
    REFUSED = "refused"


@dataclass
class Fact:
    """Something that was sent, when, and what became of it. Times are of the monotonic clock."""

    name: str
    fate: Fate = Fate.UNKNOWN
    sent: float = field(default_factory=time.monotonic)
    ended: float = 0.0

    def end(self, fate: Fate) -> None:
        """Its fate is known."""
        self.fate, self.ended = fate, time.monotonic()


@dataclass
class Login(Fact):
    """A login. `address` is the IP address of this login alone; `moment` orders the logins of a person by
    their own time; an `ordered` one was sent only after the one before it had been acknowledged."""

    address: str = ""
    account: str = ""
    moment: int = 0
    ordered: bool = True


@dataclass
class Change(Fact):
    """A change through the API, whose name is its correlation id."""

    account: str = ""


@dataclass
class Account:
    """A user of the database connection: whether it exists, and the values that `user_metadata.n` may have.
    None stands for an outcome that is not known."""

    user_id: str
    email: str
    exists: bool | None = None
    values: set[int] = field(default_factory=lambda: {0})
    touched: float = field(default_factory=time.monotonic)


@dataclass
class Couple:
    """Two accounts of a person that are linked and unlinked. `linked` is None when that is not known."""

    primary: str
    secondary: str
    linked: bool | None = False
    touched: float = field(default_factory=time.monotonic)


POISON = b"poison"
"""In the value of every record that is sent to be quarantined; one without a value is too."""


@dataclass(frozen=True)
class Poison:
    """Where a record lies that cannot be processed."""

    topic: str
    partition: int
    offset: int


@dataclass
class Model:
    """All facts of a run. `wrong` are answers that contradicted earlier ones, with the time of each."""

    logins: list[Login] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)
    couples: list[Couple] = field(default_factory=list)
    poison: set[Poison] = field(default_factory=set)
    wrong: list[tuple[str, float]] = field(default_factory=list)

    def contradiction(self, text: str) -> None:
        """Note an answer that should not have been."""
        self.wrong.append((text, time.monotonic()))

    @property
    def paired(self) -> set[str]:
        """The accounts whose logins may be counted by another."""
        return {name for couple in self.couples for name in (couple.primary, couple.secondary)}
