"""What else a provider said, and what is never kept."""

from typing import Any

import pytest

from projections.normalization import ConnectionSettings, UnmappableLogin, normalize


def extras(claims: dict[str, Any], strategy: str = "oauth2", **options: Any) -> dict[str, Any]:
    return normalize(ConnectionSettings("corp", strategy, options), {"sub": "1", **claims}).extras


def test_leftovers_keep_name_and_value() -> None:
    """Any JSON stays as it is, under its own name, however odd."""
    said = {"locale": "en", "Shoe Size": 38, "ok": False, "tags": ["a", {"b": 1.5}], "big": 2**80, "": "x"}
    assert extras(said) == said


def test_empty_means_absent_at_every_depth() -> None:
    """Nulls, blanks and containers of nothing are not kept; zero and false are something."""
    said = {
        "a": None,
        "b": "",
        "c": [],
        "d": {},
        "e": " \t",
        "f": {"g": [None, ""]},
        "h": [0, "", [None]],
        "i": {"j": False},
    }
    assert extras(said) == {"h": [0], "i": {"j": False}}


@pytest.mark.parametrize(
    "name",
    [
        "user_id",
        "identities",
        "created_at",
        "updated_at",
        "app_metadata",
        "user_metadata",
        "blocked",
        "logins_count",
        "last_login",
        "last_ip",
        "last_password_reset",
        "multifactor",
        "tenant",
        "_id",
        "blocked_for",
        "roles",
        "permissions",
        "organizations",
        "organization_id",
        "password_hash",
        "authentication_methods",
        "connected_accounts",
    ],
)
def test_root_names_of_a_profile_are_prefixed(name: str) -> None:
    """A provider cannot speak as the profile itself: no claim sets a block, metadata or an identity."""
    assert name not in extras({"r": "x"}, attribute_map={"attributes": {name: "${context.userinfo.r}"}})
    found = extras({name: "x"}, "github")
    assert found.get(f"github_{name}", "x") == "x"
    assert name not in found


def test_a_prefixed_name_never_hides_another_claim() -> None:
    """Both claims are kept."""
    said = {"created_at": 1, "oauth2_created_at": 2}
    assert extras(said) == {"oauth2_oauth2_created_at": 1, "oauth2_created_at": 2}


@pytest.mark.parametrize(
    "name",
    [
        "access_token",
        "refreshToken",
        "id_token",
        "oauth_token_secret",
        "password",
        "userPassword",
        "unicodePwd",
        "client_secret",
        "apiKey",
        "private_key",
        "Session-Token",
        "password_hash",
        "Authorization",
        "tokens",
    ],
)
def test_secrets_are_never_kept(name: str) -> None:
    """Secrets are removed at every depth, also if the connection's mapping names them."""
    assert extras({name: "s", "deep": [{name: "s", "x": 1}]}) == {"deep": [{"x": 1}]}
    assert extras({name: "s"}, fieldsMap={"stolen": name, "also": f"a.{name}"}) == {}
    templates = {"stolen": f"${{context.tokenset.{name}}}", "part": f"x${{context.userinfo.{name}}}"}
    assert extras({name: "s"}, attribute_map={"attributes": templates}) == {}


def test_a_yes_or_no_about_a_secret_is_no_secret() -> None:
    """`has_password: true` may stay."""
    assert extras({"has_password": True}) == {"has_password": True}


def test_protocol_claims_are_no_profile() -> None:
    """What a token says of itself and of the sign-in goes; a directory's attribute of that name stays."""
    said = {
        "iss": "i",
        "aud": "a",
        "exp": 1,
        "iat": 1,
        "nonce": "n",
        "at_hash": "h",
        "azp": "z",
        "amr": ["pwd"],
        "sid": "s",
    }
    assert extras(said) == {}
    assert extras({"uid": "1", "sid": "S-1-5"}, "ad")["sid"] == "S-1-5"


def test_partly_used_containers_stay_whole() -> None:
    """A second address is something else; a container that was read completely is not."""
    assert extras({"emails": ["a@x.example"]}) == {}
    assert extras({"emails": ["a@x.example", "b@x.example"]}) == {"emails": ["a@x.example", "b@x.example"]}
    assert extras({"name": {"first": "A", "last": "B"}}) == {}
    assert extras({"name": {"first": "A", "middle": "M"}}) == {"oauth2_name": {"first": "A", "middle": "M"}}


def test_saml_keeps_every_claim() -> None:
    """Applications read assertions by their own names, also those that became attributes."""
    address = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
    found = extras({"nameID": "n", address: "a@x.example"}, "samlp")
    assert found[address] == "a@x.example"
    assert found["nameID"] == "n"


def test_apples_words_become_booleans() -> None:
    """`is_private_email` is a boolean, also as a word."""
    assert extras({"is_private_email": "true"}, "apple") == {"is_private_email": True}


def test_entra_tenant_and_addresses() -> None:
    """The tenant is called `tenantid`; the network address of a sign-in is not profile."""
    found = extras({"oid": "o", "tid": "t", "ipaddr": "192.0.2.1", "upn": "u@x.example"}, "waad")
    assert found == {"sub": "1", "tenantid": "t", "upn": "u@x.example"}


def test_directories_without_their_clockwork_and_images() -> None:
    """What a directory writes at every login, and binary, is left out."""
    said = {"uid": "1", "lastLogon": "1", "logonCount": 5, "thumbnailPhoto": "AA", "department": "Sales"}
    assert extras(said, "ad") == {"department": "Sales"}


def test_two_spellings_of_one_name_are_both_kept() -> None:
    """The one not used for the attribute stays a leftover."""
    found = extras({"mail": "a@x.example", "Mail": "b@x.example"}, "oauth2")
    assert found == {"Mail": "b@x.example"}


def test_too_deep_claims_are_refused() -> None:
    """Claims that are nested too deeply to be written as JSON are refused as a whole."""
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    for claims in (
        {"deep": deep},
        {"emails": [{"value": "a@x.example"}, deep]},
        {"name": {"first": "A", "x": deep}},
    ):
        with pytest.raises(UnmappableLogin) as refused:
            extras(claims)
        assert refused.value.reason == "too_deep"
