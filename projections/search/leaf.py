"""The leaves of a user document: each scalar in metadata, identities and provider extras, under its dotted
path.

Root attributes are columns of the wide tables; all other paths have rows in a narrow table of (path, value,
subject). It was chosen over jsonb columns with a GIN index because only an ordered index supports prefixes,
ranges, sorting and paging in order, and because a change of a profile rewrites only the changed leaves.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from projections.profile.state import OWN_KEYS
from projections.search.value import INDEXED_CHARACTERS, value_text

MOST: Final = 10_000
"""The maximum number of searchable leaves of one person; the first in the order of paths and values are
kept."""
ORGANIZATION: Final = "organization_id"
_TAKEN: Final = OWN_KEYS | {ORGANIZATION, "_exists_"}
_SEARCHED_OBJECTS: Final = ("user_metadata", "app_metadata", "identities")


class SearchLeaf(NamedTuple):
    """A row of `search_leaf`, in column order after tenant and subject. `lowest` and `highest` mark the
    extreme values of the person under the path, which sorting uses."""

    path: str
    value: str
    lowest: bool
    highest: bool


def leaves(document: Mapping[str, Any], organizations: Iterable[str] = ()) -> tuple[SearchLeaf, ...]:
    """Return the sorted leaves of a person who is a member of these organizations."""
    scalars = [*_searched(document), *((ORGANIZATION, name) for name in organizations)]
    found = {(path, value_text(value)) for path, value in scalars if len(path) <= INDEXED_CHARACTERS}
    return tuple(_marked(sorted(found)[:MOST]))


def difference(
    before: Sequence[SearchLeaf], after: Sequence[SearchLeaf]
) -> tuple[tuple[SearchLeaf, ...], tuple[SearchLeaf, ...]]:
    """Return (leaves to remove, leaves to write). Removing first causes no key conflicts."""
    old, kept = frozenset(before), {leaf[:2] for leaf in after}
    gone = tuple(leaf for leaf in before if leaf[:2] not in kept)
    return gone, tuple(leaf for leaf in after if leaf not in old)


def _searched(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if name in _SEARCHED_OBJECTS or name.partition(".")[0] not in _TAKEN:
            yield from _scalars(name, value)


def _scalars(root: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every scalar below a value with its path. Arrays add no path segment, and null is skipped. The
    traversal is iterative, because documents may be nested deeper than Python's stack."""
    pending = [(root, value)]
    while pending:
        path, current = pending.pop()
        match current:
            case None:
                continue
            case dict():
                pending.extend((f"{path}.{name}", inner) for name, inner in current.items())
            case list():
                pending.extend((path, inner) for inner in current)
            case _:
                yield path, current


def _marked(pairs: Sequence[tuple[str, str]]) -> Iterator[SearchLeaf]:
    last = len(pairs) - 1
    for place, (path, value) in enumerate(pairs):
        first_of_path = place == 0 or pairs[place - 1][0] != path
        last_of_path = place == last or pairs[place + 1][0] != path
        yield SearchLeaf(path, value, first_of_path, last_of_path)
