"""When an address counts as verified."""

from typing import Any

import pytest

from projections.normalization import ConnectionSettings, normalize

ALWAYS, NEVER = "always_set_emails_as_verified", "never_set_emails_as_verified"
OPTION = "should_trust_email_verified_connection"


def verified(strategy: str, claims: dict[str, Any], **options: Any) -> tuple[bool | None, str | None]:
    connection = ConnectionSettings("corp", strategy, options)
    found = normalize(connection, {"sub": "1", "id": "1", "uid": "1", "email": "jane@x.example", **claims})
    return found.attributes.get("email_verified"), found.sources.get("email_verified")


@pytest.mark.parametrize("yes", [True, "true", "True", " TRUE ", 1, 1.0, "1", ["true"]])
@pytest.mark.parametrize(
    "strategy", ["google-oauth2", "apple", "auth0", "custom", "oidc", "okta", "samlp", "oauth2"]
)
def test_provider_says_yes(strategy: str, yes: Any) -> None:
    """The provider's own claim counts, as a boolean, a word or a number."""
    assert verified(strategy, {"email_verified": yes})[0] is True


@pytest.mark.parametrize(
    "no", [False, "false", 0, "0", "no", "yes", "2", 2, 1.5, None, "", "verified", {"a": True}]
)
def test_anything_but_a_yes_is_a_no(no: Any) -> None:
    """What is not understood proves nothing."""
    assert verified("google-oauth2", {"email_verified": no})[0] is False


@pytest.mark.parametrize(
    ("strategy", "claims"),
    [
        ("facebook", {"verified": True}),
        ("twitter", {"verified": True}),
        ("vkontakte", {"verified": 1}),
        ("wordpress", {"verified": True}),
        ("paypal", {"verified_account": "true"}),
        ("oauth2", {"verified": True}),
        ("github", {}),
        ("yandex", {}),
        ("line", {}),
    ],
)
def test_other_verifications_are_not_the_addresss(strategy: str, claims: dict[str, Any]) -> None:
    """A verified account, page or person says nothing of the address; silence says nothing either."""
    assert verified(strategy, claims) == (False, "default:unverified")


def test_discords_word_is_the_addresss() -> None:
    """Discord's `verified` is documented to be about the address."""
    assert verified("oauth2", {"verified": True, "discriminator": "0"}) == (True, "verified")


@pytest.mark.parametrize("strategy", ["waad", "adfs", "office365", "sharepoint"])
def test_microsofts_directories_are_not_believed(strategy: str) -> None:
    """Their administrators can write any address; only the connection's option makes it trusted."""
    claims = {"email_verified": True, "nameid": "1", "upn": "u@x.example", "Email": "jane@x.example"}
    assert verified(strategy, claims) == (False, "default:unverified")
    assert verified(strategy, claims, **{OPTION: NEVER}) == (False, f"option:{OPTION}")
    assert verified(strategy, claims, **{OPTION: ALWAYS}) == (True, f"option:{OPTION}")


def test_the_option_governs_enterprise_connections_only() -> None:
    """An enterprise connection's option has precedence over the provider's flag; other connections ignore
    it."""
    assert verified("okta", {"email_verified": True}, **{OPTION: NEVER})[0] is False
    assert verified("samlp", {}, **{OPTION: ALWAYS})[0] is True
    assert verified("google-oauth2", {}, **{OPTION: ALWAYS})[0] is False
    assert verified("auth0", {}, **{OPTION: ALWAYS})[0] is False
    assert verified("okta", {"email_verified": True}, **{OPTION: ["x"]})[0] is True


def test_no_address_no_flag() -> None:
    """Without an address there is no flag."""
    assert verified("google-oauth2", {"email": None, "email_verified": True}) == (None, None)


def test_a_list_speaks_for_its_own_addresses() -> None:
    """The flag beside another address is not this one's."""
    emails = [{"email": "other@x.example", "verified": True}, {"email": "JANE@x.example", "verified": False}]
    assert verified("github", {"emails": emails}) == (False, "emails[1].verified")
    emails[1]["verified"] = True
    assert verified("github", {"emails": emails}) == (True, "emails[1].verified")


def test_a_mapped_address_needs_its_own_proof() -> None:
    """The provider's flag speaks of the address it sent as such, not of one the connection picked
    elsewhere."""
    claims = {"email_verified": True, "backup": "backup@x.example"}
    assert verified("oidc", claims, fieldsMap={"email": "backup"})[0] is False
    assert verified("oidc", claims, fieldsMap={"email": "email"})[0] is True
    assert (
        verified("oidc", claims, fieldsMap={"email": "backup", "email_verified": "email_verified"})[0] is True
    )


def test_a_code_proves_the_address_it_was_sent_to() -> None:
    """Passwordless logins verify what they used."""
    mail = normalize(ConnectionSettings("email", "email", {}), {}, "jane@x.example")
    assert mail.attributes["email_verified"] is True
    text = normalize(ConnectionSettings("sms", "sms", {}), {}, "+14155550100")
    assert text.attributes["phone_verified"] is True
    assert "email_verified" not in text.attributes


def test_phone_flag() -> None:
    """The flag of a number is the provider's under the standard name; otherwise there is none."""
    connection = ConnectionSettings("corp", "oidc", {})
    claims = {"sub": "1", "phone_number": "+14155550100"}
    assert "phone_verified" not in normalize(connection, claims).attributes
    assert (
        normalize(connection, {**claims, "phone_number_verified": "true"}).attributes["phone_verified"]
        is True
    )
    assert (
        "phone_verified" not in normalize(connection, {"sub": "1", "phone_number_verified": True}).attributes
    )


@pytest.mark.parametrize(("claim", "verified_"), [("yes!", None), ("true", True), (0, False), (None, None)])
def test_a_mapped_flag_of_a_number(claim: Any, verified_: bool | None) -> None:
    """Is the only one; what is not understood says nothing."""
    options = {"fieldsMap": {"phone_verified": "ok"}}
    claims = {"sub": "1", "phone_number": "+1", "phone_number_verified": True, "ok": claim}
    found = normalize(ConnectionSettings("corp", "oidc", options), claims)
    assert found.attributes.get("phone_verified") is verified_
    without = normalize(ConnectionSettings("corp", "oidc", {}), claims)
    assert without.attributes["phone_verified"] is True
    numberless = normalize(
        ConnectionSettings("corp", "oidc", {}), {"sub": "1", "phone_number_verified": True}
    )
    assert "phone_verified" not in numberless.attributes


def test_a_code_verifies_its_number() -> None:
    """A login with a code by text message verifies the number."""
    found = normalize(ConnectionSettings("sms", "sms", {}), {"sub": "1"}, "+1")
    assert (found.attributes["phone_verified"], found.sources["phone_verified"]) == (True, "strategy:sms")
    mail = normalize(ConnectionSettings("email", "email", {}), {"sub": "1"}, "a@b.co")
    assert (mail.attributes["email_verified"], mail.sources["email_verified"]) == (True, "strategy:email")


@pytest.mark.parametrize(("claim", "verified_"), [("yes!", False), ("true", True), (0, False), (None, False)])
def test_a_mapped_flag_of_an_address(claim: Any, verified_: bool) -> None:
    """Is the only one."""
    options = {"fieldsMap": {"email_verified": "ok"}}
    claims = {"sub": "1", "email": "a@b.co", "email_verified": True, "ok": claim}
    found = normalize(ConnectionSettings("corp", "oidc", options), claims)
    assert found.attributes["email_verified"] is verified_


def test_the_flag_of_another_address_is_not_a_mapped_ones() -> None:
    """The provider's flag refers to the address that the provider sends."""
    options = {"fieldsMap": {"email": "work"}}
    claims = {"sub": "1", "email": "a@b.co", "email_verified": True}
    other = normalize(ConnectionSettings("corp", "oidc", options), {**claims, "work": "c@d.co"})
    assert other.attributes["email_verified"] is False
    same = normalize(ConnectionSettings("corp", "oidc", options), {**claims, "work": "a@b.co"})
    assert same.attributes["email_verified"] is True
