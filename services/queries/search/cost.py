"""The cost limit of queries, which is checked before the database is queried."""

from typing import Final, assert_never

from services.queries.search.syntax.tree import (
    And,
    Exists,
    Malformed,
    MatchAll,
    Negation,
    Node,
    Or,
    Range,
    Term,
)

MOST_COST: Final = 1024
"""As many plain terms as a query may have."""
NEGATED: Final = 8
"""A negation cannot be looked up: it is tested person by person."""
INFIX: Final = 4
"""Neither can a wildcard that does not end its term."""


def affordable(node: Node) -> Node:
    """Return the query itself. Raises Malformed when it costs more than MOST_COST."""
    cost = _cost(node, 1)
    if cost > MOST_COST:
        raise Malformed(
            f"The query costs {cost}, maximum {MOST_COST}: each term counts 1, {INFIX} with a wildcard that"
            f" does not end it, and {NEGATED} times as much under NOT"
        )
    return node


def _cost(node: Node, weight: int) -> int:
    match node:
        case MatchAll():
            return 0
        case Term(parts=parts):
            ends_only = len(parts) == 2 and not parts[1]
            return weight if len(parts) == 1 or ends_only else weight * INFIX
        case Exists() | Range():
            return weight
        case Negation(inner):
            return _cost(inner, NEGATED)
        case And(parts) | Or(parts):
            return sum(_cost(part, weight) for part in parts)
        case _:
            assert_never(node)
