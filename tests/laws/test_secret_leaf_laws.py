"""Laws of sealed values in configuration documents."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from projections.secret_leaves import SEALED, open_leaves, seal_leaves
from schemas.formats import exact_json
from schemas.sealing.keys import SubjectKeys

KEYS = SubjectKeys(1, bytes(range(32)), bytes(range(32)))
PLACE = ("connection", "demo", "con_1")
NAMES = st.sampled_from(("a", "client_secret", "signingKey", "credentials", "attribute_map", "smtp_pass"))
TEXTS = st.text(max_size=8) | st.builds(SEALED.__add__, st.text(max_size=3))
DOCUMENTS = st.dictionaries(
    NAMES | TEXTS,
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | TEXTS, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


@given(DOCUMENTS)
def test_a_sealed_document_opens_to_itself_and_is_sealed_alike_each_time(document: dict[str, Any]) -> None:
    """Whatever callers write, texts that look sealed included, comes back byte for byte."""
    sealed = exact_json.dumps(seal_leaves(document, KEYS, *PLACE))
    assert exact_json.dumps(seal_leaves(document, KEYS, *PLACE)) == sealed
    opened = open_leaves(exact_json.loads(sealed), KEYS, *PLACE)
    assert exact_json.dumps(opened) == exact_json.dumps(document)


def test_secrets_at_any_depth_are_sealed_and_vanish_with_the_key() -> None:
    """A secret name covers all values below it; mappings and booleans stay readable."""
    document = {
        "options": {
            "client_secret": "marker",
            "email": {"smtp": {"smtp_pass": "marker", "port": 25}},
            "signingKey": {"key": "marker", "cert": "marker"},
            "providers": [{"apiKey": "marker"}, {"password": {"enabled": True}}],
            "attribute_map": {"attributes": {"user_token": "kept"}},
        }
    }
    text = exact_json.dumps(seal_leaves(document, KEYS, *PLACE)).decode()
    assert "marker" not in text
    assert all(part in text for part in ("kept", '"port":25', '"enabled":true'))
    without = open_leaves(exact_json.loads(text), SubjectKeys(1, None, None), *PLACE)
    assert without["options"]["email"] == {"smtp": {"port": 25}}
    assert "client_secret" not in without["options"]
