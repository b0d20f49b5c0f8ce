"""Seals the credentials in configuration documents, each value separately, with the tenant's key.

A sealed value is a text with a prefix. A text of a caller that begins with the prefix is sealed as well, so
that every text with the prefix is sealed.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

from schemas.formats import exact_json
from schemas.sealing.blobs import associated_data, seal_in_place, unseal_in_place
from schemas.sealing.keys import SubjectKeys
from schemas.sealing.secret_names import is_secret

SEALED: Final = "vita-sealed:"
_GONE: Final = object()
_MAPS: Final = frozenset(("attribute_map", "fieldsMap", "user_attributes"))
"""Members that name claims and attributes, which the normalizer reads; their values are not secrets."""
Path = tuple[str | int, ...]


def seal_leaves(document: Mapping[str, Any], keys: SubjectKeys | None, *place: str) -> dict[str, Any]:
    """Return the document with its secrets sealed deterministically. They are left out if the tenant's key is
    destroyed."""

    def sealed(path: Path, leaf: Any) -> Any:
        if keys is None or keys.profile is None:
            return _GONE
        blob = seal_in_place(keys.profile, keys.version, exact_json.dumps(leaf), _associated(place, path))
        return SEALED + base64.b64encode(blob).decode()

    sealed_document: dict[str, Any] = _walk(document, (), _sealing(sealed), False)
    return sealed_document


def holds_sealed(text: str) -> bool:
    """Whether the JSON of a document contains a sealed value."""
    return SEALED in text


def open_leaves(document: Mapping[str, Any], keys: SubjectKeys | None, *place: str) -> dict[str, Any]:
    """Return the document with its secrets decrypted. Raises CannotUnseal for a secret of another place or
    key."""

    def opened(path: Path, leaf: Any, secret: bool) -> Any:
        if not isinstance(leaf, str) or not leaf.startswith(SEALED):
            return leaf
        if keys is None or keys.profile is None:
            return _GONE
        blob = base64.b64decode(leaf.removeprefix(SEALED))
        return exact_json.loads(unseal_in_place(keys.profile, blob, _associated(place, path)))

    opened_document: dict[str, Any] = _walk(document, (), opened, False)
    return opened_document


def _sealing(sealed: Callable[[Path, Any], Any]) -> Callable[[Path, Any, bool], Any]:
    def leaf_of(path: Path, leaf: Any, secret: bool) -> Any:
        looks_sealed = isinstance(leaf, str) and leaf.startswith(SEALED)
        holds_nothing = leaf is None or isinstance(leaf, bool)
        return sealed(path, leaf) if looks_sealed or (secret and not holds_nothing) else leaf

    return leaf_of


def _walk(value: Any, path: Path, leaf_of: Callable[[Path, Any, bool], Any], secret: bool | None) -> Any:
    """Return a copy with every leaf replaced. `secret` says whether the leaves are secrets; None if no name
    determines it."""
    match value:
        case Mapping():
            members = (
                (name, _walk(member, (*path, name), leaf_of, _below(name, secret)))
                for name, member in value.items()
            )
            return {name: member for name, member in members if member is not _GONE}
        case list() | tuple():
            items = (_walk(item, (*path, at), leaf_of, secret) for at, item in enumerate(value))
            return [item for item in items if item is not _GONE]
    return leaf_of(path, value, bool(secret))


def _below(name: str, secret: bool | None) -> bool | None:
    if secret is None or (name in _MAPS and not secret):
        return None
    return secret or is_secret(name)


def _associated(place: tuple[str, ...], path: Path) -> bytes:
    return associated_data(*place, exact_json.dumps(path).decode())
