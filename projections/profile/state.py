"""The state a person's events fold into, and its form in the table."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from schemas.formats import exact_json

ROOT_ATTRIBUTES: Final = frozenset(("name", "nickname", "given_name", "family_name", "picture"))
"""What `set_user_root_attributes` governs (spec §1.4)."""

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
"""Root keys with a meaning of their own; every other key of a document came from the identity provider as it
is."""
FLAGS: Final = {"email": "email_verified", "phone_number": "phone_verified"}
"""Address -> the verified state that speaks of it."""
ADDRESSES: Final = {flag: address for address, flag in FLAGS.items()}


_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


class Memory(NamedTuple):
    """What the fold must remember and nobody else reads.

    `sources`: source partition (`epoch/partition`) -> the last source offsets applied, in ascending order;
    whatever is at or below the first one counts as applied. `recent`: short ids of the last events.
    `commands`: the marks of the last commands, oldest first (see `memory`).
    `refused`: the last commands the fold turned down. `provenance`: event id -> where the attributes it gave
    came from. `marks`: which logins decided what else the document shows; `linked`: identity -> attribute of
    its profile data -> the mark of what gave it, under "" that of its leftovers (see `marks`).
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
    """A person. `document` is None before the first login and after deletion; `revision` counts the states
    so far. `associations` is what a person has that the document does not show, and ends with the document:
    `roles`, `permissions`, `organizations`, `factors`, `connected_accounts`; `linked` and `links` of a person
    whose profile shows identities of others; `merged`, the profile that a linked person had."""

    revision: int = 0
    document: Mapping[str, Any] | None = None
    memory: Memory = Memory()
    secrets: Mapping[str, Any] = _EMPTY
    associations: Mapping[str, Any] = _EMPTY


NO_PROFILE: Final = Profile()
"""What a person's events start from."""


def dump_memory(memory: Memory) -> bytes:
    """JSON of the memory, empty parts left out."""
    return exact_json.dumps({name: value for name, value in memory._asdict().items() if value})


def load_memory(text: str | bytes) -> Memory:
    """The memory behind its JSON."""
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
