"""Active Directory's binary ids."""

from base64 import b64encode, urlsafe_b64encode
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.normalization import ConnectionSettings, identify
from projections.normalization.claims.guid import guid

KNOWN = "6b29fc40-ca47-1067-b31d-00dd010662da"
BYTES = bytes.fromhex("40fc296b47ca6710b31d00dd010662da")


@pytest.mark.parametrize("text", [KNOWN, KNOWN.upper(), f"{{{KNOWN}}}", f" {KNOWN} "])
def test_text_is_already_the_guid(text: str) -> None:
    """A GUID with dashes is only written in small letters."""
    assert guid(text) == KNOWN


@given(st.uuids())
def test_every_binary_form_is_the_same_guid(known: UUID) -> None:
    """However 16 bytes are put into JSON, the first three fields are little-endian."""
    raw = known.bytes_le
    forms: list[Any] = [
        b64encode(raw).decode(),
        b64encode(raw).decode().rstrip("="),
        urlsafe_b64encode(raw).decode(),
        raw.hex(),
        raw.hex().upper(),
        "".join(f"\\x{byte:02x}" for byte in raw),
        "".join(f"\\{byte:02X}" for byte in raw),
        list(raw),
        {"type": "Buffer", "data": list(raw)},
        [b64encode(raw).decode()],
    ]
    assert {guid(form) for form in forms} == {str(known)}


def test_one_character_per_byte() -> None:
    """Bytes read as Latin-1 text are recognised by what no text holds."""
    assert guid(BYTES.decode("latin-1")) == KNOWN


@pytest.mark.parametrize(
    "value", [None, "", "jane", "a" * 31, 5, [], [1, 2], [256] * 16, {"data": [0] * 16}, {}, [[]]]
)
def test_invalid_guids(value: Any) -> None:
    """Anything else is not guessed at."""
    assert guid(value) is None


def test_an_object_guid_that_is_none_still_identifies() -> None:
    """An odd value counts as it is; without any the uid counts, then the cn."""
    directory = ConnectionSettings("ad", "ad", {})
    assert identify(directory, {"objectGUID": "S-1-5-21", "uid": "jane"})[1] == "ad|S-1-5-21"
    assert identify(directory, {"objectGUID": "", "UID": ["jane"], "cn": "Jane Doe"})[1] == "ad|jane"
    assert identify(directory, {"CN": "Jane Doe"})[1] == "ad|Jane Doe"
