"""A user document as leaves: each scalar that metadata, identities and provider extras hold, under its
dotted path.

The root fields everybody has lie in the wide tables; a path nobody foresaw needs a row of its own. One
narrow table of (path, value, subject) was chosen over jsonb columns with a GIN index because only an
ordered index serves prefixes, ranges, sorting and walking in order; it makes the row of a profile rewrite
nothing but the leaves that changed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from projections.profile.state import OWN_KEYS
from projections.search.value import INDEXED_CHARACTERS, value_text

MOST: Final = 10_000
"""Leaves of one person that are searchable: the first in the order of paths and values."""
ORGANIZATION: Final = "organization_id"
_TAKEN: Final = OWN_KEYS | {ORGANIZATION, "_exists_"}
_SEARCHED_OBJECTS: Final = ("user_metadata", "app_metadata", "identities")


class SearchLeaf(NamedTuple):
    """A row of `search_leaf`, in column order after tenant and subject. `lowest` and `highest` mark the
    ends of what a person has under the path: what sorting goes by."""

    path: str
    value: str
    lowest: bool
    highest: bool


def leaves(document: Mapping[str, Any], organizations: Iterable[str] = ()) -> tuple[SearchLeaf, ...]:
    """The leaves of a person, who is a member of these organizations, in their order."""
    scalars = [*_searched(document), *((ORGANIZATION, name) for name in organizations)]
    found = {(path, value_text(value)) for path, value in scalars if len(path) <= INDEXED_CHARACTERS}
    return tuple(_marked(sorted(found)[:MOST]))


def difference(
    before: Sequence[SearchLeaf], after: Sequence[SearchLeaf]
) -> tuple[tuple[SearchLeaf, ...], tuple[SearchLeaf, ...]]:
    """(leaves to remove, leaves to put in place): none of these is in the way of one of those."""
    old, kept = frozenset(before), {leaf[:2] for leaf in after}
    gone = tuple(leaf for leaf in before if leaf[:2] not in kept)
    return gone, tuple(leaf for leaf in after if leaf not in old)


def _searched(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if name in _SEARCHED_OBJECTS or name.partition(".")[0] not in _TAKEN:
            yield from _scalars(name, value)


def _scalars(root: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every scalar below a value with its path; arrays are no level, null is nothing. Without recursion: a
    document may be nested deeper than Python's stack."""
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
