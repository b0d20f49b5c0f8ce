"""Keys where they rest: the key-encryption key's provider, the wrapping keys and subject keys in the
ledger."""

import base64
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from projections.row import Row
from schemas.sealing.blobs import KEY_BYTES, associated_data, seal, unseal
from schemas.sealing.keys import KeyProvider, Keyring, SubjectKeys, WrappedKeys, generate_subject_keys
from services.runtime.postgres.named_queries import load
from services.runtime.postgres.pool import DatabaseConnection

_CONTEXT = {"purpose": "vita wrapping key"}
_KEYRING_LOCK = 0x76697462


class LocalKeyProvider:
    """A key-encryption key this process holds itself."""

    def __init__(self, name: str, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"{name}: a key-encryption key has {KEY_BYTES} bytes")
        self.name = name
        self._key = key

    async def wrap(self, plaintext: bytes, context: Mapping[str, str]) -> bytes:
        """AES-256-GCM with the context bound in."""
        return seal(self._key, 1, plaintext, _associated(context))

    async def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """What was wrapped. Raises CannotUnseal."""
        return unseal(self._key, wrapped, _associated(context))


def _associated(context: Mapping[str, str]) -> bytes:
    return associated_data("kek", *(f"{name}={value}" for name, value in sorted(context.items())))


def provider_from(text: str) -> KeyProvider:
    """The provider a setting names: `file:<path>` (made on first use, readable by its owner only) or
    `env:<variable>`.

    Raises ValueError when the setting or the key is not usable.
    """
    return LocalKeyProvider(text if text.startswith("env:") else "file", key_from(text))


def key_from(text: str) -> bytes:
    """The key of 32 bytes in `file:<path>` (made on first use, readable by its owner only) or
    `env:<variable>`. Raises ValueError when it is not usable."""
    kind, _, rest = text.partition(":")
    if kind == "file" and rest:
        key = _key_file(Path(rest))
    elif kind == "env" and rest:
        value = os.environ.get(rest)
        if value is None:
            raise ValueError(f"the environment variable {rest} holds no key")
        key = base64.b64decode(value, validate=True)
    else:
        raise ValueError("a key is `file:<path>` or `env:<variable>`")
    if len(key) != KEY_BYTES:
        raise ValueError(f"{text}: a key has {KEY_BYTES} bytes")
    return key


def _key_file(path: Path) -> bytes:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    if not path.exists():
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    if path.stat().st_mode & 0o077:
        raise ValueError(f"{path} may be read by others: chmod 600 it")
    return base64.b64decode(path.read_bytes().strip(), validate=True)


class NoKeys(Exception):
    """The installation has not been given its keys: `python -m deploy prepare` makes them."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"the database holds no {kind} key: run `python -m deploy prepare` with VITA_KEY_PROVIDER"
        )


async def ensure_wrapping_key(connection: DatabaseConnection, provider: KeyProvider) -> None:
    """Make the first wrapping key of an installation; for the administrator or the keymaster. Services only
    read keys.

    Raises CannotUnseal under another key-encryption key.
    """
    queries = load("services.ledger.keys", "subject_keys.sql")
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _KEYRING_LOCK)
        rows = await connection.fetch(queries["wrapping_keys"])
        if not rows:
            await add_wrapping_key(connection, provider)
    for row in rows:
        await provider.unwrap(row["wrapped"], _CONTEXT)


async def add_wrapping_key(connection: DatabaseConnection, provider: KeyProvider) -> None:
    """Make a new wrapping key, which wraps from the next start of a service on; older ones still open."""
    wrapped = await provider.wrap(os.urandom(KEY_BYTES), _CONTEXT)
    statement = load("services.ledger.keys", "subject_keys.sql")["add_wrapping_key"]
    await connection.execute(statement, provider.name, wrapped)


async def load_keyring(connection: DatabaseConnection, provider: KeyProvider) -> Keyring:
    """The keyring of this installation.

    Raises CannotUnseal under another key-encryption key, NoKeys before the installation has been prepared.
    """
    rows = await connection.fetch(load("services.ledger.keys", "subject_keys.sql")["wrapping_keys"])
    if not rows:
        raise NoKeys("wrapping")
    return Keyring({row["id"]: await provider.unwrap(row["wrapped"], _CONTEXT) for row in rows})


async def read_keys(
    connection: DatabaseConnection, keyring: Keyring, owners: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], SubjectKeys]:
    """The keys of the owners (tenant, owner) that have any."""
    pairs = list(owners)
    rows = await connection.fetch(
        load("services.ledger.keys", "subject_keys.sql")["read_keys"],
        [pair[0] for pair in pairs],
        [pair[1] for pair in pairs],
    )
    return {
        (row["tenant"], row["owner"]): keyring.open(row["tenant"], row["owner"], wrapped_keys(row))
        for row in rows
    }


async def ensure_keys(
    connection: DatabaseConnection, keyring: Keyring, tenant: str, owner: str
) -> SubjectKeys:
    """The owner's keys, made when there are none; of two at once one wins and both get it."""
    wrapped = keyring.wrap(tenant, owner, generate_subject_keys())
    await connection.execute(
        load("services.ledger.keys", "subject_keys.sql")["add_keys"],
        [tenant], [owner], [wrapped.profile], [wrapped.activity],
    )  # fmt: skip
    return (await read_keys(connection, keyring, [(tenant, owner)]))[tenant, owner]


def wrapped_keys(row: Row, profile: str = "profile", activity: str = "activity") -> WrappedKeys:
    """The wrapped keys in a row of the ledger."""
    return WrappedKeys(row["version"], row[profile], row[activity])
