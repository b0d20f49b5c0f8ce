"""The rows of a person as they are stored, compared with those that the person's history comes to. Pure.

A difference is named by table and column, never by a value.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from projections.row import Row

ROW: Final = "row"
"""In place of the column: the row is missing, or should not be there."""
KEYS: Final[Mapping[str, Sequence[str]]] = {
    "profile": (),
    "search": (),
    "activity": (),
    "search_leaf": ("path", "value"),
    "membership": ("kind", "target"),
    "linked_identity": ("provider", "idp_id"),
    "login_guard": ("connection", "identifier"),
    "log_entry": ("log_id",),
    "session": ("id",),
    "refresh_token": ("id",),
    "user_grant": ("id",),
    "device_credential": ("id",),
}
"""Table -> the columns that tell the rows of one person apart."""
Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""Table -> rows of one person."""


def differences(stored: Rows, fresh: Rows) -> list[str]:
    """Return the names of what differs, `table.column`, each once and in order."""
    found: dict[str, None] = {}
    for table, keys in KEYS.items():
        old, new = _by_key(stored.get(table, ()), keys), _by_key(fresh.get(table, ()), keys)
        for key in old.keys() | new.keys():
            one, other = old.get(key), new.get(key)
            if one is None or other is None:
                found[f"{table}.{ROW}"] = None
                continue
            found |= {f"{table}.{name}": None for name in other if one[name] != other[name]}
    return sorted(found)


def as_rows(records: Iterable[Row]) -> list[dict[str, Any]]:
    """Return records of the database as plain rows."""
    return [dict(record.items()) for record in records]  # type: ignore[attr-defined]


def _by_key(
    rows: Sequence[Mapping[str, Any]], keys: Sequence[str]
) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    return {tuple(row[key] for key in keys): row for row in rows}
