"""The state into which a person's events are folded, and its form in the table."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from schemas.formats import exact_json

ROOT_ATTRIBUTES: Final = frozenset(("name", "nickname", "given_name", "family_name", "picture"))
"""The attributes that `set_user_root_attributes` controls (spec §1.4)."""

OWN_KEYS: Final = ROOT_ATTRIBUTES | {
    "user_id",
    "email",
    "email_verified",
    "username",
    "phone_number",
    "phone_verified",
    "user_metadata",
    "app_metadata",
    "blocked",
    "identities",
    "created_at",
    "updated_at",
    "last_login",
    "last_ip",
    "logins_count",
    "last_password_reset",
    "multifactor",
    "multifactor_last_modified",
}
"""Root keys that Vita defines; all other keys of a document are claims of the identity provider,
unchanged."""
FLAGS: Final = {"email": "email_verified", "phone_number": "phone_verified"}
"""The verified flag of each kind of address."""
ADDRESSES: Final = {flag: address for address, flag in FLAGS.items()}


_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


class Memory(NamedTuple):
    """The part of the state that only the fold reads.

    - `sources`: source partition (`epoch/partition`) -> the last source offsets applied, ascending; offsets
      at or below the first one count as applied.
    - `recent`: short ids of the last events.
    - `commands`: marks of the last commands, oldest first (see `memory`).
    - `refused`: the last refused commands.
    - `provenance`: event id -> origin of the attributes that it set.
    - `marks`: the logins that determined other values of the document (see `marks`).
    - `linked`: identity -> attribute of its profile data -> mark of the login that determined it; under ""
      the mark of its leftovers.
    """

    sources: Mapping[str, Sequence[int]] = _EMPTY
    recent: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    provenance: Mapping[str, Mapping[str, Any]] = _EMPTY
    deleted_at: str | None = None
    marks: Mapping[str, str] = _EMPTY
    linked: Mapping[str, Mapping[str, str]] = _EMPTY
    commands: tuple[str, ...] = ()


class Profile(NamedTuple):
    """The state of a person. `document` is None before the first login and after deletion; `revision` counts
    the states so far.

    `associations` is data that the document does not contain; it is removed with the document. It has
    `roles`, `permissions`, `organizations`, `factors` and `connected_accounts`; `linked` and `links` for a
    primary with linked identities; and `merged`, the former profile of a linked person.
    """

    revision: int = 0
    document: Mapping[str, Any] | None = None
    memory: Memory = Memory()
    secrets: Mapping[str, Any] = _EMPTY
    associations: Mapping[str, Any] = _EMPTY


NO_PROFILE: Final = Profile()
"""The state before the first event."""


def dump_memory(memory: Memory) -> bytes:
    """Return the memory as JSON, without empty parts."""
    return exact_json.dumps({name: value for name, value in memory._asdict().items() if value})


def load_memory(text: str | bytes) -> Memory:
    """Return the memory from its JSON."""
    parts = exact_json.loads(text)
    return Memory(
        sources=parts.get("sources", {}),
        recent=tuple(parts.get("recent", ())),
        refused=tuple(parts.get("refused", ())),
        provenance=parts.get("provenance", {}),
        deleted_at=parts.get("deleted_at"),
        marks=parts.get("marks", {}),
        linked=parts.get("linked", {}),
        commands=tuple(parts.get("commands", ())),
    )
