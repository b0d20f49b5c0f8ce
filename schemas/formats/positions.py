"""Positions on the event log, as the headers `Vita-Position` and `Vita-At-Least` carry them."""

import re
from dataclasses import dataclass
from typing import Self

_TEXT = re.compile(r"([0-9]{1,9}):([0-9]{1,18})")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """The position of a record on `profile.events`."""

    partition: int
    offset: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `partition:offset`. Raises ValueError when the text has another form."""
        found = _TEXT.fullmatch(text.strip())
        if found is None:
            raise ValueError("a position is `partition:offset`")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"
