"""Changes that change nothing anybody can see, each with the reason."""

from typing import Final

from tests.mutants.changes import Change

_EQUIVALENT: Final[dict[tuple[str, str], str]] = {}
"""By the changed line before and after."""


def reason(change: Change) -> str | None:
    """Why this change cannot be noticed, None when it should be."""
    return _EQUIVALENT.get((change.before, change.after))
