"""The catalogue of fields: those with a column and its kind, those that are paths of leaves, and those that
cannot be searched."""

from dataclasses import dataclass
from typing import Final, Literal

from projections.profile.state import OWN_KEYS
from projections.search.leaf import ORGANIZATION
from projections.search.value import INDEXED_CHARACTERS
from services.queries.search.syntax.tree import Field, Malformed

Table = Literal["s", "a"]
"""`s`: search, `a`: activity."""
Kind = Literal["text", "folded", "flag", "number", "instant"]


@dataclass(frozen=True, slots=True)
class Column:
    """A field with a column. `name` is its name in queries; `always` says that all people have a value;
    `hidden` that a value may exist which the column cannot hold."""

    name: str
    table: Table
    column: str
    kind: Kind
    always: bool = False
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Path:
    """A field whose values are leaves."""

    name: str


Target = Column | Path

COLUMNS: Final = {
    column.name: column
    for column in (
        Column("user_id", "s", "user_id", "text", always=True),
        Column("created_at", "s", "created_at", "instant", always=True),
        Column("email", "s", "email_folded", "folded", hidden=True),
        Column("email.domain", "s", "email_domain", "folded"),
        Column("email_verified", "s", "email_verified", "flag", hidden=True),
        Column("username", "s", "username", "text", hidden=True),
        Column("phone_number", "s", "phone_number", "text", hidden=True),
        Column("phone_verified", "s", "phone_verified", "flag", hidden=True),
        Column("name", "s", "name_folded", "folded", hidden=True),
        Column("nickname", "s", "nickname_folded", "folded", hidden=True),
        Column("given_name", "s", "given_name_folded", "folded", hidden=True),
        Column("family_name", "s", "family_name_folded", "folded", hidden=True),
        Column("blocked", "s", "blocked", "flag", hidden=True),
        Column("updated_at", "a", "updated_at", "instant", always=True),
        Column("last_login", "a", "last_login", "instant"),
        Column("last_ip", "a", "last_ip", "text"),
        Column("logins_count", "a", "logins_count", "number"),
    )
}
BARE: Final = tuple(
    COLUMNS[name]
    for name in (
        "email", "name", "nickname", "given_name", "family_name", "username", "phone_number", "user_id",
    )
)  # fmt: skip
"""Where a term without a field is looked for (spec §3.2 leaves the list open)."""
SORTABLE_OBJECTS: Final = ("user_metadata", "app_metadata")
_OBJECTS: Final = frozenset(("user_metadata", "app_metadata", "identities", ORGANIZATION))
_CLOSED: Final = (OWN_KEYS | {"blocked_for", "guardian_authenticators", "tenant"}) - _OBJECTS
"""Roots under which there is nothing but the columns above."""


def target_of(field: Field) -> Target | None:
    """Return where the values of a field are, None if its name is too long for any. Raises Malformed for a
    field that cannot be searched."""
    column = COLUMNS.get(field.name)
    if column is not None:
        return column
    if field.name.partition(".")[0] in _CLOSED:
        raise Malformed.unexpected(f"field {field.name[:100]!r}", field.at, "a field that can be searched")
    return Path(field.name) if len(field.name) <= INDEXED_CHARACTERS else None


def sort_target(name: str) -> Target | None:
    """Return what a list is sorted by: a column, or a path of metadata; None for any other name."""
    root, _, rest = name.partition(".")
    if root in SORTABLE_OBJECTS and rest and len(name) <= INDEXED_CHARACTERS:
        return Path(name)
    return None if name == "email.domain" else COLUMNS.get(name)
