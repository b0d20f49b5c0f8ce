"""What holds for every login of every strategy, whatever the provider sends."""

import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.normalization import (
    ATTRIBUTES,
    KNOWN_STRATEGIES,
    ConnectionSettings,
    Normalized,
    UnmappableLogin,
    claims_to_keep,
    identifier_to_keep,
    identify,
    normalize,
    remap,
)

ADDRESS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
CLAIM_NAMES = (
    *(
        "sub",
        "id",
        "user_id",
        "uid",
        "oid",
        "puid",
        "objectGUID",
        "nameID",
        "tid",
        "created_at",
        "access_token",
    ),
    *("name", "Name", "NAME", "nickname", "username", "login", "given_name", "family_name", "first_name"),
    *("first-name", "lastName", "surname", "picture", "avatar", "photos", "phone", "phone_number"),
    *("email", "mail", "emails", "email_verified", "verified", "verified_email", "is_email_verified"),
    *("confirmed_email", "phone_number_verified", "discriminator"),
    *("data", "user", "response", "profile", "attributes", "kakao_account", "identity"),
    *(f"{ADDRESS}/name", f"{ADDRESS}/nameidentifier", f"{ADDRESS}/upn"),
)
WORDS = (
    "",
    " ",
    "jane@example.com",
    "Jane Doe",
    "https://x.example/p.png",
    "true",
    "1",
    "+14155550100",
    "auth0|7",
)
OPTION_NAMES = (
    *("fieldsMap", "attribute_map", "non_persistent_attrs", "should_trust_email_verified_connection"),
    *("user_id_attribute", "userid_attribute", "map_user_id_to_id"),
)

names = st.sampled_from(CLAIM_NAMES) | st.text(max_size=12)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**200), max_value=2**200)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(WORDS)
    | st.text(max_size=20)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=8,
)
claims = st.dictionaries(names, values, max_size=10)
attribute_maps = st.fixed_dictionaries(
    {
        "mapping_mode": st.sampled_from(("use_map", "bind_all", "x")),
        "attributes": st.dictionaries(
            names, values | names.map(lambda name: f"${{context.tokenset.{name}}}"), max_size=3
        ),
    }
)
options = st.dictionaries(
    st.sampled_from(OPTION_NAMES),
    values
    | attribute_maps
    | st.dictionaries(names, names | st.lists(names), max_size=3)
    | st.sampled_from(("always_set_emails_as_verified", "never_set_emails_as_verified", "sub", "name")),
    max_size=3,
)
connections = st.builds(
    ConnectionSettings,
    name=st.sampled_from(("google-oauth2", "corp", "a|b")),
    strategy=st.sampled_from(sorted(KNOWN_STRATEGIES)) | st.sampled_from(("discord", "42")),
    options=options,
)
identifiers = st.none() | st.sampled_from(WORDS) | st.text(max_size=10)


def attempt(
    connection: ConnectionSettings, sent: dict[str, Any], identifier: str | None
) -> Normalized | None:
    try:
        return normalize(connection, sent, identifier)
    except UnmappableLogin:
        return None


def holds_secret(value: Any, name: str = "") -> bool:
    """Whether the value contains a token at any depth; a boolean about a token is not one."""
    if isinstance(value, dict):
        return any(holds_secret(member, key) for key, member in value.items())
    if isinstance(value, list):
        return any(holds_secret(item, name) for item in value)
    return name == "access_token" and not isinstance(value, bool)


@settings(max_examples=600, deadline=None)
@given(connections, claims, identifiers)
def test_any_login_is_normalized_or_refused(
    connection: ConnectionSettings, sent: dict[str, Any], identifier: str | None
) -> None:
    """Every JSON object either gives a well-formed login or the one documented refusal."""
    login = attempt(connection, sent, identifier)
    if login is None:
        return
    assert list(json.loads(json.dumps(login.attributes))) == list(login.attributes)
    assert json.loads(json.dumps(login.extras)) == login.extras
    assert login.idp_id == str(login.native_id)
    assert login.idp_id
    assert login.attributes.keys() == login.sources.keys() <= set(ATTRIBUTES)
    assert login.extras.keys().isdisjoint(
        (*ATTRIBUTES, "user_id", "identities", "app_metadata", "created_at")
    )
    assert all(
        type(login.attributes[name]) is bool for name in login.attributes if name.endswith("_verified")
    )
    assert all(
        isinstance(value, str) and value.strip()
        for name, value in login.attributes.items()
        if not name.endswith("_verified")
    )
    assert not any(
        value in (None, "", [], {}) for value in login.extras.values() if not isinstance(value, bool | int)
    )
    assert not holds_secret(login.extras)


@settings(max_examples=300, deadline=None)
@given(connections, claims, identifiers)
def test_normalizing_is_deterministic(
    connection: ConnectionSettings, sent: dict[str, Any], identifier: str | None
) -> None:
    """The answer depends on the input alone, not on the order of its members; the input stays as it was."""
    before = deepcopy((sent, connection.options))
    first = attempt(connection, sent, identifier)
    assert (sent, connection.options) == before
    assert attempt(connection, dict(reversed(sent.items())), identifier) == first


@settings(max_examples=300, deadline=None)
@given(connections, claims, identifiers)
def test_identify_agrees_with_normalize(
    connection: ConnectionSettings, sent: dict[str, Any], identifier: str | None
) -> None:
    """Both return one identity, or both refuse."""
    login = attempt(connection, sent, identifier)
    try:
        identified = identify(connection, sent, identifier)
    except UnmappableLogin:
        assert login is None
    else:
        assert login is None or identified == (login.provider, login.idp_id)


@settings(max_examples=800, deadline=None)
@given(connections, claims, identifiers, st.lists(names, max_size=3))
def test_kept_claims_give_the_login_again(
    connection: ConnectionSettings, sent: dict[str, Any], identifier: str | None, denied: list[str]
) -> None:
    """With the settings and the code that mapped a login, its kept claims give the very same result; they
    hold no secret, and nothing that must not be stored."""
    if denied:
        connection = replace(connection, options={**connection.options, "non_persistent_attrs": denied})
    login = attempt(connection, sent, identifier)
    if login is None:
        return
    kept = claims_to_keep(connection, sent)
    assert kept.keys().isdisjoint(denied)
    assert not holds_secret(kept)
    typed = identifier_to_keep(connection, identifier)
    again = remap(connection, kept, (login.provider, login.native_id), typed)
    assert again.person == login
    assert denied or not again.leads_elsewhere
    assert claims_to_keep(connection, kept) == kept


def says_verified(value: Any, name: str = "") -> bool:
    """Whether the value contains true at any depth under a name about verification or confirmation."""
    if isinstance(value, dict):
        return any(says_verified(member, key) for key, member in value.items())
    if isinstance(value, list):
        return any(says_verified(item, name) for item in value)
    speaks = any(word in name.lower() for word in ("verified", "confirmed"))
    return speaks and (
        value is True or str(value).strip().lower() in ("1", "true") or name == "confirmed_email"
    )


@settings(max_examples=600, deadline=None)
@given(connections, claims, identifiers)
def test_verified_is_never_invented(
    connection: ConnectionSettings, sent: dict[str, Any], identifier: str | None
) -> None:
    """An address is verified only by a claim, an option, or a login that used the address itself."""
    login = attempt(connection, sent, identifier)
    if login is None or not login.attributes.get("email_verified"):
        return
    assert "email" in login.attributes
    assert (
        says_verified(sent)
        or connection.strategy == "email"
        or "attribute_map" in connection.options
        or "fieldsMap" in connection.options
        or connection.options.get("should_trust_email_verified_connection") == "always_set_emails_as_verified"
    )


@given(
    st.integers(min_value=-(2**300), max_value=2**300),
    st.sampled_from(("github", "twitter", "vkontakte", "discord")),
)
def test_integer_ids_stay_exact(number: int, strategy: str) -> None:
    """An id of any size is kept to the last digit, as text and as the integer it was."""
    login = normalize(ConnectionSettings(strategy, strategy, {}), {"id": number})
    assert (login.idp_id, login.native_id) == (str(number), number)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_an_id_only_while_it_is_exact(number: float) -> None:
    """A number with a fraction, or one too large for a double, is refused rather than rounded."""
    connection = ConnectionSettings("github", "github", {})
    if number.is_integer() and abs(number) < 2**53:
        native = normalize(connection, {"id": number}).native_id
        assert native == number
        assert type(native) is int
    else:
        with pytest.raises(UnmappableLogin, match="inexact_identity"):
            normalize(connection, {"id": number})
