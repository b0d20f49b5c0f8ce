"""Views that need nothing read beforehand: what they hold follows from each event that counted, with the
person before and after it.

One more: a pure function from `Applied` to rows in the view's folder under `projections`, and here the
statements those rows go through. Rows of one batch are in the order of the log; statements must not depend on
how batches are cut.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from projections.applied import Applied

Write = tuple[str, Sequence[Sequence[Any]]]
"""A statement that takes one array per column, and its rows; never without rows."""
DERIVED: Final[tuple[Callable[[Sequence[Applied]], list[Write]], ...]] = ()
