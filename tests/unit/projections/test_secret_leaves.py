"""Configuration documents: secrets are sealed one by one, everything else is readable."""

from typing import Any

import pytest

from projections.secret_leaves import SEALED, holds_sealed, open_leaves, seal_leaves
from schemas.formats import exact_json
from schemas.sealing.blobs import CannotUnseal
from schemas.sealing.keys import SubjectKeys

KEYS = SubjectKeys(1, b"p" * 32, b"a" * 32)
DOCUMENT: dict[str, Any] = {
    "name": "corp",
    "options": {
        "client_secret": "s3",
        "client_id": "app",
        "keys": [{"secret": "x"}, {"secret": None}, {"secret": True}, {"secret": 5}],
        "fieldsMap": {"password": "pwd"},
        "nothing": None,
    },
}


def is_sealed(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(SEALED)


def test_secrets_are_sealed_and_opened() -> None:
    """What a name makes a secret, at any depth; nothing and a flag hold none."""
    sealed = seal_leaves(DOCUMENT, KEYS, "connection", "demo", "con_1")
    options = sealed["options"]
    assert is_sealed(options["client_secret"])
    assert (sealed["name"], options["client_id"], options["nothing"]) == ("corp", "app", None)
    assert [is_sealed(one["secret"]) for one in options["keys"]] == [True, False, False, True]
    assert options["fieldsMap"] == {"password": "pwd"}
    assert open_leaves(sealed, KEYS, "connection", "demo", "con_1") == DOCUMENT
    assert holds_sealed(exact_json.dumps(sealed).decode())
    assert not holds_sealed(exact_json.dumps(DOCUMENT).decode())


def test_sealing_a_leaf_is_deterministic() -> None:
    """A rebuilt row is therefore equal."""
    assert seal_leaves(DOCUMENT, KEYS, "a") == seal_leaves(DOCUMENT, KEYS, "a")
    assert seal_leaves(DOCUMENT, KEYS, "a") != seal_leaves(DOCUMENT, KEYS, "b")


def test_a_map_among_secrets_is_secret() -> None:
    """Names of attributes are readable only where nothing above them is a secret."""
    sealed = seal_leaves({"client_secret": {"fieldsMap": {"a": "b"}}}, KEYS)
    assert is_sealed(sealed["client_secret"]["fieldsMap"]["a"])


def test_what_looks_sealed_is_sealed() -> None:
    """A caller's text with the prefix is sealed, so that it is never decrypted."""
    given = {"name": f"{SEALED}AAAA"}
    sealed = seal_leaves(given, KEYS)
    assert sealed != given
    assert open_leaves(sealed, KEYS) == given


@pytest.mark.parametrize("keys", [None, SubjectKeys(1, None, b"a" * 32)])
def test_without_the_tenants_key_secrets_are_gone(keys: SubjectKeys | None) -> None:
    """Without the key, secrets are left out when documents are written and read, also in lists."""
    assert seal_leaves({"a": 1, "secret": "x"}, keys) == {"a": 1}
    sealed = seal_leaves({"a": 1, "secret": ["x"], "other": [f"{SEALED}x", "y"]}, KEYS)
    assert open_leaves(sealed, keys) == {"a": 1, "secret": [], "other": ["y"]}


def test_a_secret_of_another_place_is_refused() -> None:
    """A blob that was moved does not open."""
    sealed = seal_leaves({"secret": "x"}, KEYS, "a")
    with pytest.raises(CannotUnseal):
        open_leaves(sealed, KEYS, "b")
    with pytest.raises(CannotUnseal):
        open_leaves({"token": sealed["secret"]}, KEYS, "a")
