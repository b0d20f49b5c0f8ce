"""What a view needs of a row that a query found."""

from typing import Any, Protocol


class Row(Protocol):
    """A row with its columns by name."""

    def __getitem__(self, column: str, /) -> Any:
        """Return the value of a column."""
