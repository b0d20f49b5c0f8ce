"""The states of all fold views, by view and key."""

from collections.abc import Collection, Mapping
from typing import Any, cast

from projections.fold_view import FoldView, Key, State

Touched = Mapping[FoldView[Any, Any], Collection[Any]]
"""The keys of the states that a batch may change, by view."""


class Views:
    """The states before or after a batch. A key that is absent has no state."""

    __slots__ = ("_states",)

    def __init__(self, states: Mapping[FoldView[Any, Any], Mapping[Any, Any]] | None = None) -> None:
        self._states = {view: dict(known) for view, known in (states or {}).items()}

    def of(self, view: FoldView[Key, State]) -> dict[Key, State]:
        """Return the states of one view, which the caller may modify in place."""
        found = self._states.get(view)
        if found is None:
            found = self._states[view] = {}
        return cast("dict[Key, State]", found)

    def copy(self) -> "Views":
        """Return an independent copy."""
        return Views(self._states)

    def among(self, touched: Touched) -> "Views":
        """Return the states with these keys."""
        return Views(
            {
                view: {key: known[key] for key in keys if key in known}
                for view, keys in touched.items()
                if (known := self._states.get(view))
            }
        )

    def take(self, newer: "Views") -> None:
        """Overwrite states with those of `newer`, which contain later events."""
        for view, states in newer._states.items():
            self.of(view).update(states)
