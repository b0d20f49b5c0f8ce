"""Who a login is for."""

from typing import Any

import pytest

from projections.normalization import (
    KNOWN_STRATEGIES,
    ConnectionSettings,
    UnmappableLogin,
    default_strategy,
    derived_id,
    identify,
    is_social,
    normalize,
)

NAME_ID = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"


def connection(strategy: str, name: str = "corp", **options: Any) -> ConnectionSettings:
    return ConnectionSettings(name, strategy, options)


@pytest.mark.parametrize(
    "strategy", ["samlp", "pingfederate", "oidc", "okta", "auth0-oidc", "oauth1", "oauth2", "ad"]
)
def test_ids_unique_within_a_connection_carry_its_name(strategy: str) -> None:
    """Two connections of these strategies never share an identity."""
    claims = {"sub": "7", NAME_ID: "7", "uid": "7"}
    assert identify(connection(strategy, "one"), claims)[1] == "one|7"
    assert identify(connection(strategy, "two"), claims)[1] == "two|7"


def test_adldap_is_provider_ad() -> None:
    """`auth0-adldap` is a connection's strategy, never an identity's provider."""
    assert identify(connection("auth0-adldap"), {"uid": "jane"}) == ("ad", "corp|jane")


@pytest.mark.parametrize("prefix", ["", "auth0|"])
def test_database_id_may_come_with_its_prefix(prefix: str) -> None:
    """A gateway may send a database user's id with or without the prefix of the user_id; both identify the
    user."""
    assert identify(connection("auth0"), {"user_id": f"{prefix}63d17c4a"}) == ("auth0", "63d17c4a")


def test_passwordless_id_is_derived_from_the_address() -> None:
    """Without an id the address decides, however it is written; the connection keeps tenants' lists apart."""
    email = connection("email", "email")
    typed = identify(email, {}, " Jane@X.example ")
    assert (
        typed
        == identify(email, {"email": "jane@x.example"})
        == ("email", derived_id("email", "jane@x.example"))
    )
    assert len(typed[1]) == 24
    assert int(typed[1], 16)
    assert identify(connection("email", "staff"), {}, "jane@x.example") != typed
    assert identify(connection("sms", "sms"), {}, "+1 415 555-0100") == identify(
        connection("sms", "sms"), {"phone_number": "+14155550100"}
    )


@pytest.mark.parametrize("strategy", sorted(KNOWN_STRATEGIES))
def test_claims_without_an_identity_are_refused(strategy: str) -> None:
    """Claims without an identity are refused in words that help a gateway developer and hold none of them."""
    with pytest.raises(UnmappableLogin) as refused:
        normalize(connection(strategy), {"locale": "en", "zoneinfo": "secret-value"})
    assert refused.value.reason == "no_identity"
    assert "expected one of" in refused.value.detail
    assert "secret-value" not in str(refused.value)


@pytest.mark.parametrize("value", [None, "", " ", [], {}, True, 1.5, 1e300, [[]], {"a": 1}])
def test_invalid_ids(value: Any) -> None:
    """Empty things, booleans, containers and inexact numbers are no ids."""
    with pytest.raises(UnmappableLogin):
        identify(connection("github"), {"id": value})


def test_ids_keep_their_type_and_every_digit() -> None:
    """An integer stays one beyond 2^64; text that looks like a number stays text."""
    huge = 2**64 + 3
    assert normalize(connection("github"), {"id": huge}).native_id == huge
    assert normalize(connection("github"), {"id": str(huge)}).native_id == str(huge)
    assert normalize(connection("github"), {"id": 12345.0}).native_id == 12345


def test_text_twin_of_an_inexact_id_counts() -> None:
    """Where a gateway rounded the number, the provider's text of it identifies the person."""
    assert identify(
        connection("twitter"), {"id": 1.2345678901234568e18, "id_str": "1234567890123456789"}
    ) == (
        "twitter",
        "1234567890123456789",
    )


def test_an_endless_id_is_refused() -> None:
    """An identity that fits no index is refused, not retried for ever."""
    for value in ("x" * 1025, "é" * 600, 10**1100):
        with pytest.raises(UnmappableLogin) as refused:
            identify(connection("github"), {"id": value})
        assert refused.value.reason == "identity_too_long"


def test_entra_id_by_option() -> None:
    """`userid_attribute` chooses between the object id and the pairwise subject."""
    claims = {"oid": "o", "sub": "s"}
    assert identify(connection("waad"), claims)[1] == "o"
    assert identify(connection("waad", userid_attribute="oid"), claims)[1] == "o"
    assert identify(connection("waad", userid_attribute="sub"), claims)[1] == "s"


def test_saml_id_by_option_falls_back_on_the_name_id() -> None:
    """`user_id_attribute` is tried first, then the NameID, the UPN and the name."""
    saml = connection("samlp", user_id_attribute="employee")
    assert identify(saml, {"employee": "e", NAME_ID: "n"})[1] == "corp|e"
    assert identify(saml, {NAME_ID: "n"})[1] == "corp|n"
    upn, name = NAME_ID.replace("nameidentifier", "upn"), NAME_ID.replace("nameidentifier", "name")
    assert identify(saml, {upn: "u", name: "x"})[1] == "corp|u"
    assert identify(saml, {name: "x"})[1] == "corp|x"


@pytest.mark.parametrize(
    "name_id",
    [
        "jane",
        {"#text": "jane", "@Format": "x"},
        {"_": "jane", "$": {"Format": "x"}},
        {"value": "jane"},
        ["jane"],
    ],
)
def test_name_id_in_the_forms_of_xml_libraries(name_id: Any) -> None:
    """A NameID identifies whether it comes as text, as an object or as a list."""
    assert identify(connection("samlp"), {"nameID": name_id})[1] == "corp|jane"


def test_a_display_name_never_identifies_a_saml_user() -> None:
    """Two people of one name must not become one person."""
    with pytest.raises(UnmappableLogin):
        identify(connection("samlp"), {"displayName": "John Smith", "name": "John Smith"})


def test_mapped_identity() -> None:
    """A connection's mapping may name the id; a template without a claim is no identity."""
    claims = {"sub": "s", "employee": {"number": 7}}
    assert identify(connection("oidc", fieldsMap={"user_id": "employee.number"}), claims)[1] == "corp|7"
    templates = {"user_id": "emp-${context.tokenset.sub}"}
    assert identify(connection("oidc", attribute_map={"attributes": templates}), claims)[1] == "corp|emp-s"
    templates = {"user_id": "everybody"}
    assert identify(connection("oidc", attribute_map={"attributes": templates}), claims)[1] == "corp|s"


def test_social_or_not() -> None:
    """isSocial by strategy: unknown providers are social ones, company directories and own users are not."""
    assert {one for one in KNOWN_STRATEGIES if not is_social(one)} == {
        *("ad", "adfs", "auth0-adldap", "auth0-oidc", "google-apps", "ip", "office365", "oidc", "okta"),
        *("pingfederate", "samlp", "sharepoint", "waad", "auth0", "custom", "email", "sms"),
    }
    assert is_social("discord")


def test_default_strategy() -> None:
    """The name of an unknown connection implies its strategy, or none."""
    assert default_strategy("github") == "github"
    assert default_strategy("Username-Password-Authentication") == "auth0"
    assert default_strategy("acme") is None
