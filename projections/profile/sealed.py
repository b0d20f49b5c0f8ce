"""A person's secrets in the row: sealed with the person's key and decrypted at the first access.

Secrets that were not accessed are written back unchanged, so that a login that does not change them costs no
encryption.
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Any, Final

from schemas.formats import exact_json
from schemas.sealing.blobs import associated_data, seal_in_place, unseal_in_place
from schemas.sealing.keys import SubjectKeys

MERGED: Final = "merged"
"""The key in the associations for the former profile of a linked user, including its secrets."""
_SECRETS: Final = "secrets"
_NONE: Final[Mapping[str, Any]] = {}
UserKey = tuple[str, str]
"""The tenant and the subject of a user, which identify the user's rows."""


class SealedSecrets(Mapping[str, Any]):
    """Secrets that are decrypted at the first access, which raises CannotUnseal for a blob of another place
    or key."""

    __slots__ = ("_associated", "_key", "_opened", "blob")

    def __init__(self, blob: bytes, key: bytes, associated: bytes) -> None:
        self.blob, self._key, self._associated = blob, key, associated
        self._opened: Mapping[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:
        return self._open()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._open())

    def __len__(self) -> int:
        return len(self._open())

    def _open(self) -> Mapping[str, Any]:
        if self._opened is None:
            self._opened = exact_json.loads(unseal_in_place(self._key, self.blob, self._associated))
        return self._opened


def sealed(
    secrets: Mapping[str, Any], user: UserKey, keys: SubjectKeys | None, place: str = _SECRETS
) -> bytes | None:
    """Return the sealed secrets for the row; None if there are none or the person's key is destroyed."""
    if isinstance(secrets, SealedSecrets):
        return secrets.blob
    if not secrets or keys is None or keys.profile is None:
        return None
    plaintext = exact_json.dumps(secrets)
    return seal_in_place(keys.profile, keys.version, plaintext, _associated(user, place))


def opened(
    blob: bytes | None, user: UserKey, keys: SubjectKeys | None, place: str = _SECRETS
) -> Mapping[str, Any]:
    """Return the secrets in the row; empty if the person's key is destroyed."""
    if blob is None or keys is None or keys.profile is None:
        return _NONE
    return SealedSecrets(blob, keys.profile, _associated(user, place))


def dump_associations(associations: Mapping[str, Any], user: UserKey, keys: SubjectKeys | None) -> bytes:
    """Return the associations as JSON, with the secrets of a merged profile sealed."""
    merged = associations.get(MERGED)
    if merged is None:
        return exact_json.dumps(associations)
    blob = sealed(merged[_SECRETS], user, keys, MERGED)
    text = None if blob is None else base64.b64encode(blob).decode()
    return exact_json.dumps({**associations, MERGED: {**merged, _SECRETS: text}})


def load_associations(text: str, user: UserKey, keys: SubjectKeys | None) -> dict[str, Any]:
    """Return the associations from their JSON."""
    associations: dict[str, Any] = exact_json.loads(text)
    merged = associations.get(MERGED)
    if merged is not None:
        blob = None if merged[_SECRETS] is None else base64.b64decode(merged[_SECRETS])
        merged[_SECRETS] = opened(blob, user, keys, MERGED)
    return associations


def _associated(user: UserKey, place: str) -> bytes:
    return associated_data("profile", *user, place)
