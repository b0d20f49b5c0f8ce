"""Keys at rest: the file and environment providers, and the keyring in the ledger."""

import asyncio
import base64
import os
import sys
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from schemas.sealing.blobs import CannotUnseal
from schemas.sealing.keys import KeyProvider, Keyring
from services.ledger.keys.subject_keys import (
    ensure_keys,
    ensure_wrapping_key,
    load_keyring,
    provider_from,
    read_keys,
)
from tests.support.stack import Database, Stack
from tests.worlds.pipeline import both

CONTEXT = {"purpose": "test"}


@pytest_asyncio.fixture
async def database(stack: Stack) -> Database:
    """A database that has no wrapping key."""
    database = await stack.database()
    connection = await asyncpg.connect(database.admin)
    await connection.execute("TRUNCATE ledger.wrapping_key")
    await connection.close()
    return database


async def keyring_of(database: Database, provider: KeyProvider) -> Keyring:
    """The keyring as the normalizer has it, made by the keymaster where there is none."""
    async with database.connected("vita_keymaster") as connection:
        await ensure_wrapping_key(connection, provider)
    async with database.connected("vita_normalizer") as connection:
        return await load_keyring(connection, provider)


async def test_a_key_file_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    """The file appears at first use with mode 0600 and stays: what one process wrapped another unwraps."""
    place = tmp_path / "secret" / "kek"
    wrapped = await provider_from(f"file:{place}").wrap(b"open sesame", CONTEXT)
    assert place.stat().st_mode & 0o777 == 0o600
    assert place.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in place.parent.iterdir()] == ["kek"]
    assert await provider_from(f"file:{place}").unwrap(wrapped, CONTEXT) == b"open sesame"


async def test_processes_that_start_at_once_agree_on_the_file(tmp_path: Path) -> None:
    """Processes that create the file concurrently all use one key."""
    code = (
        "import sys; from services.ledger.keys.subject_keys import provider_from; provider_from(sys.argv[1])"
    )
    place = tmp_path / "kek"
    started = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", code, f"file:{place}") for _ in range(4)
    ]
    assert [await process.wait() for process in started] == [0] * 4
    assert len(base64.b64decode(place.read_bytes())) == 32
    assert [path.name for path in tmp_path.iterdir()] == ["kek"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """The message says what to do."""
    place = tmp_path / "kek"
    provider_from(f"file:{place}")
    place.chmod(mode)
    with pytest.raises(ValueError, match=r"chmod 600"):
        provider_from(f"file:{place}")


async def test_the_environment_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key may come from a variable; the provider string contains the name of the variable, never the
    key."""
    key = base64.b64encode(os.urandom(32)).decode()
    monkeypatch.setenv("VITA_TEST_KEK", key)
    provider = provider_from("env:VITA_TEST_KEK")
    assert provider.name == "env:VITA_TEST_KEK"
    assert key not in repr(provider)
    wrapped = await provider.wrap(b"open sesame", CONTEXT)
    assert await provider_from("env:VITA_TEST_KEK").unwrap(wrapped, CONTEXT) == b"open sesame"
    with pytest.raises(CannotUnseal):
        await provider.unwrap(wrapped, {"purpose": "another"})


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("", None),
        ("file:", None),
        ("vault:transit", None),
        ("env:VITA_TEST_KEK", None),
        ("env:VITA_TEST_KEK", "not base64!"),
        ("env:VITA_TEST_KEK", base64.b64encode(b"too short").decode()),
    ],
)
def test_unusable_settings_are_refused(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: str | None
) -> None:
    """A provider that cannot work fails at once, before any connection."""
    monkeypatch.delenv("VITA_TEST_KEK", raising=False)
    if value is not None:
        monkeypatch.setenv("VITA_TEST_KEK", value)
    with pytest.raises(ValueError, match=r".+"):
        provider_from(setting)


async def test_of_many_first_loads_one_makes_the_keyring(database: Database, tmp_path: Path) -> None:
    """Services that start together share one wrapping key: what one wraps every other opens."""
    provider = provider_from(f"file:{tmp_path / 'kek'}")
    rings = await both(*(keyring_of(database, provider) for _ in range(6)))
    admin = await asyncpg.connect(database.admin)
    try:
        assert await admin.fetchval("SELECT count(*) FROM ledger.wrapping_key") == 1
        keys = await ensure_keys(admin, rings[0], "demo", "sub_1")
        for ring in rings:
            assert await read_keys(admin, ring, [("demo", "sub_1")]) == {("demo", "sub_1"): keys}
    finally:
        await admin.close()


async def test_another_key_encryption_key_opens_nothing(database: Database, tmp_path: Path) -> None:
    """With the wrong key file a service refuses to start rather than make a second keyring."""
    await keyring_of(database, provider_from(f"file:{tmp_path / 'right'}"))
    with pytest.raises(CannotUnseal):
        await keyring_of(database, provider_from(f"file:{tmp_path / 'wrong'}"))


async def test_of_many_that_make_keys_all_get_the_same(database: Database, tmp_path: Path) -> None:
    """Two services that meet a new owner at once seal with one key; owners and tenants never share any."""
    ring = await keyring_of(database, provider_from(f"file:{tmp_path / 'kek'}"))
    pool = await asyncpg.create_pool(database.url_for("vita_normalizer"), min_size=4, max_size=4)
    try:
        made = await both(*(ensure_keys(pool, ring, "demo", "sub_1") for _ in range(8)))
        assert len({(keys.profile, keys.activity) for keys in made}) == 1
        others = [await ensure_keys(pool, ring, *owner) for owner in (("demo", "sub_2"), ("other", "sub_1"))]
        everything = [key for keys in (made[0], *others) for key in (keys.profile, keys.activity)]
        assert len(set(everything)) == 6
        assert await read_keys(pool, ring, [("demo", "nobody")]) == {}
    finally:
        await pool.close()


async def test_a_row_moved_to_another_owner_does_not_open(database: Database, tmp_path: Path) -> None:
    """Wrapped keys are bound to their owner: exchanging rows in the ledger is found."""
    ring = await keyring_of(database, provider_from(f"file:{tmp_path / 'kek'}"))
    admin = await asyncpg.connect(database.admin)
    try:
        await ensure_keys(admin, ring, "demo", "sub_1")
        await admin.execute("UPDATE ledger.subject_key SET owner = 'sub_2'")
        with pytest.raises(CannotUnseal):
            await read_keys(admin, ring, [("demo", "sub_2")])
    finally:
        await admin.close()
