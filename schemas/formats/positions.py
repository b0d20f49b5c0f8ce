"""Positions on the event log, as `Vita-Position` and `Vita-At-Least` carry them."""

import re
from dataclasses import dataclass
from typing import Self

_TEXT = re.compile(r"([0-9]{1,9}):([0-9]{1,18})")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """One record of `profile.events`."""

    partition: int
    offset: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `partition:offset`. Raises ValueError."""
        found = _TEXT.fullmatch(text.strip())
        if found is None:
            raise ValueError("a position is `partition:offset`")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"
