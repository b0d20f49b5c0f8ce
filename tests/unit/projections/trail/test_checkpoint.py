"""The form of checkpoints, their signatures and the keys behind them."""

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from projections.trail.checkpoint import Checkpoint, InvalidCheckpoint, TreeHead, is_signed, key_id, sign
from projections.trail.merkle import EMPTY_ROOT, leaf_hash
from services.auditor.signing import FileSigner, default_provider, export, public_keys, signer, trusted_keys

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
CHECKPOINT = Checkpoint(
    "profile.events",
    42,
    datetime(2026, 11, 23, 10, tzinfo=UTC),
    {10: TreeHead(1, leaf_hash(b"")), 2: TreeHead(0, EMPTY_ROOT)},
)
BODY = """vita/trail/profile.events
42
2026-11-23T10:00:00.000000Z
2 0 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
10 1 bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=
"""


def test_the_text_is_fixed() -> None:
    """A checkpoint has exactly this text, with partitions in numeric order, and parses to an equal one."""
    assert CHECKPOINT.body() == BODY
    assert Checkpoint.parse(BODY) == CHECKPOINT


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("vita/trail/", "trail/"),
        ("42", "042"),
        ("42", "forty-two"),
        ("000000Z", "000000+00:00"),
        ("000Z\n", "000Z\n\n"),
        ("2 0 ", "2  0 "),
        ("2 0 ", "2 -1 "),
        ("10 1 ", "2 1 "),
        ("U=\n", "U\n"),
        ("B0=\n", "B0="),
        (BODY, ""),
    ],
)
def test_any_other_text_is_no_checkpoint(old: str, new: str) -> None:
    """There is one way to write a checkpoint; everything near it is refused."""
    with pytest.raises(InvalidCheckpoint):
        Checkpoint.parse(BODY.replace(old, new))


def test_a_signature_holds_for_one_text_and_one_key() -> None:
    """Changing a byte of the text or of the signature, or the key, makes the signature worthless."""
    signature = sign(BODY, KEY)
    assert is_signed(BODY, signature, KEY.public_key())
    assert not is_signed(BODY.replace("42", "43"), signature, KEY.public_key())
    assert not is_signed(BODY, bytes([signature[0] ^ 1]) + signature[1:], KEY.public_key())
    assert not is_signed(BODY, signature, Ed25519PrivateKey.generate().public_key())


async def test_a_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    """The first signer creates the key, which only the owner can read; later signers use it."""
    provider = default_provider(f"file:{tmp_path / 'keys' / 'kek'}")
    first, second = signer(provider), signer(provider)
    path = tmp_path / "keys" / "checkpoint.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.key_id == second.key_id
    (public,) = public_keys(path.read_bytes()).values()
    assert is_signed(BODY, await second.sign(BODY), public)


def test_auditors_that_start_together_share_one_key(tmp_path: Path) -> None:
    """Of many processes that make the key file at once one wins, and all read the winner's key."""
    path = tmp_path / "checkpoint.pem"
    with ThreadPoolExecutor(8) as pool:
        names = {made.key_id for made in pool.map(FileSigner, [path] * 32)}
    assert len(names) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pem"]


def test_a_key_that_signed_before_stays_trusted(tmp_path: Path) -> None:
    """After a rotation the new private key signs, and the old public key below it still counts."""
    path = tmp_path / "checkpoint.pem"
    FileSigner(path)
    with path.open("ab") as file:
        file.write(export(KEY.public_key()))
    assert set(trusted_keys(f"file:{path}")) == {FileSigner(path).key_id, key_id(KEY.public_key())}


def test_public_keys_are_read_from_one_text() -> None:
    """Old and new public keys stand together in one PEM text; another kind of text is refused."""
    other = Ed25519PrivateKey.generate().public_key()
    assert set(public_keys(export(KEY.public_key()) + export(other))) == {
        key_id(KEY.public_key()),
        key_id(other),
    }
    with pytest.raises(ValueError, match="no key"):
        public_keys(b"not a key")
    with pytest.raises(ValueError, match="file:<path>"):
        signer("vault:somewhere")
