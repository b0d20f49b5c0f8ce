"""Operations of Auth0's Management API that Vita does not have; the response to each is 501 with its name."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

from services.management.http.errors import ErrorResponse

TABLE: Final = "auth0_operations.txt"
PREFIX: Final = "/api/v2/"
ERROR_CODE: Final = "operation_not_implemented"
_ANY: Final = "{}"
Names = Mapping[str, str]
"""The name of each operation of a path, by method."""


def refusal_for(method: str, path: str) -> ErrorResponse | None:
    """Return the 501 for an operation that Auth0 has at this path, or None if Auth0 has none there.

    Call it only for requests without a route.
    """
    name = names_at(path).get(method)
    if name is None:
        return None
    message = f"Not implemented: {name} is an operation of Auth0's Management API that Vita does not have."
    return ErrorResponse(501, message, ERROR_CODE)


def names_at(path: str) -> Names:
    """Return the operations that Auth0 has at a path; empty if there are none. Ids in the path are
    percent-encoded."""
    if not path.startswith(PREFIX):
        return {}
    segments = path.removeprefix(PREFIX).split("/")
    if "" in segments:
        return {}
    fitting = [row for row in _rows().get(len(segments), ()) if _fits(row[0], segments)]
    return min(fitting, key=lambda row: row[0].count(_ANY))[1] if fitting else {}


@cache
def _rows() -> Mapping[int, Sequence[tuple[tuple[str, ...], Names]]]:
    """Return the table by number of path segments."""
    found: dict[int, list[tuple[tuple[str, ...], Names]]] = {}
    for path, names in operations():
        segments = tuple(path.removeprefix(PREFIX).split("/"))
        found.setdefault(len(segments), []).append((segments, names))
    return found


def operations() -> Iterable[tuple[str, Names]]:
    """Return each path of the table, with `{}` for every id, and its operations."""
    for line in (files("services.management") / TABLE).read_text("utf-8").splitlines():
        if line.startswith("/"):
            path, *named = line.split()
            yield PREFIX + path.lstrip("/"), dict(_pair(one) for one in named)


def _pair(text: str) -> tuple[str, str]:
    method, _, name = text.partition("=")
    return method, name


def _fits(pattern: Sequence[str], segments: Sequence[Any]) -> bool:
    return all(part in (_ANY, found) for part, found in zip(pattern, segments, strict=True))
