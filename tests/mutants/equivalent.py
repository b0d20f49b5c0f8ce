"""Changes without an observable effect, each with the reason."""

from typing import Final

from tests.mutants.changes import Change

_EQUIVALENT: Final[dict[tuple[str, str], str]] = {
    ("if len(term.parts) > 1:", "if len(term.parts) > 2:"): (
        "in `_typed` of searches: a text with a wildcard is no flag, number or date either"
    ),
    (
        'latest = seen if seen["mark"] > before["mark"] else before',
        'latest = seen if seen["mark"] >= before["mark"] else before',
    ): "two logins with one mark are one login, which counts once",
}
"""By the changed line before and after."""


def reason(change: Change) -> str | None:
    """Why this change cannot be noticed, None when it should be."""
    return _EQUIVALENT.get((change.before, change.after))
