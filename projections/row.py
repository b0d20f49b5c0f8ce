"""The interface that views expect of a row of a query."""

from typing import Any, Protocol


class Row(Protocol):
    """A row with access to its columns by name."""

    def __getitem__(self, column: str, /) -> Any:
        """Return the value of a column."""
