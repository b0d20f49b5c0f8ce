"""The view that searches read: a row per user, a row of activity, and leaves."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from projections.applied import Applied, EventView
from projections.fold_view import Change, Write, WriteBatch, with_rows
from projections.profile.changes.access import assignments_of
from projections.profile.sealed import UserKey
from projections.profile.state import Profile
from projections.search.leaf import SearchLeaf, difference, leaves
from projections.search.row import ActivityRow, SearchRow, activity_row, same_row, same_search, search_row

_PACKAGE: Final = "projections.search"


def search_writes(changes: Mapping[UserKey, Change[Profile]]) -> WriteBatch:
    """Return the statements that bring the rows of changed profiles up to date."""
    searches = [(*user, *row) for user, one in changes.items() if (row := _search(one)) is not None]
    activities = [(*user, *at) for user, one in changes.items() if (at := _activity(one)) is not None]
    vanished = [user for user, one in changes.items() if _vanished(one)]
    moved = [(user, *_leaves(one)) for user, one in changes.items()]
    gone = [(*user, leaf.path, leaf.value) for user, old, _ in moved for leaf in old]
    return with_rows(
        Write(_PACKAGE, "write_search", searches),
        Write(_PACKAGE, "write_activity", activities),
        Write(_PACKAGE, "remove_leaves", gone),
        Write(_PACKAGE, "write_leaves", [(*user, *leaf) for user, _, new in moved for leaf in new]),
        Write(_PACKAGE, "delete_search", vanished),
        Write(_PACKAGE, "delete_activity", vanished),
        Write(_PACKAGE, "delete_leaves", vanished),
    )


def _writes(applied: Sequence[Applied]) -> list[WriteBatch]:
    return [search_writes(_changes(applied))]


def _changes(applied: Iterable[Applied]) -> dict[UserKey, Change[Profile]]:
    """Return the state of each user before the first and after the last event, so that rows are written
    once."""
    found: dict[UserKey, Change[Profile]] = {}
    for one in applied:
        if one.before is not None and one.after is not None:
            user = one.event.tenant, one.event.subject
            first = found.get(user)
            found[user] = Change(one.before if first is None else first.before, one.after)
    return found


def _search(change: Change[Profile]) -> SearchRow | None:
    """Return the search row to write; None if it is unchanged."""
    before, after = change.before.document, change.after.document
    if after is None or (before is not None and same_row(before, after)):
        return None
    return search_row(after)


def _activity(change: Change[Profile]) -> ActivityRow | None:
    """Return the activity row to write; None if it is unchanged."""
    before, after = change.before.document, change.after.document
    if after is None:
        return None
    row = activity_row(after)
    return None if before is not None and activity_row(before) == row else row


def _leaves(change: Change[Profile]) -> tuple[tuple[SearchLeaf, ...], tuple[SearchLeaf, ...]]:
    """Return the leaves to remove and to write; none for a deleted user, whose leaves one statement
    deletes."""
    before, after = change.before.document, change.after.document
    old, new = assignments_of(change.before, "organizations"), assignments_of(change.after, "organizations")
    if after is None or (before is not None and old.keys() == new.keys() and same_search(before, after)):
        return (), ()
    return difference(() if before is None else leaves(before, old), leaves(after, new))


def _vanished(change: Change[Profile]) -> bool:
    return change.before.document is not None and change.after.document is None


SEARCH: Final = EventView("search", ("search", "activity", "search_leaf"), _writes, is_net=True)
