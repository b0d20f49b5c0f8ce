"""A user attribute profile reads a login as a connection's own mapping would, and gives way to that one."""

from typing import Any

from projections.normalization import ConnectionSettings, normalize
from projections.normalization.attribute_profiles import profile_of, with_profile
from services.commands.settings.profile_templates import TEMPLATES
from services.management.user_attribute_profiles.models import CreateProfile

GENERIC: Any = TEMPLATES["auth0-generic"]["template"]
SAML = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"


def attribute(name: str, **mappings: Any) -> dict[str, Any]:
    return {"description": name, "label": name, "profile_required": False, "auth0_mapping": name, **mappings}


def read(strategy: str, claims: dict[str, Any], profile: Any, **options: Any) -> Any:
    connection = ConnectionSettings("corp", strategy, options)
    return normalize(with_profile(connection, profile), claims)


def test_the_template_is_a_profile() -> None:
    """It can be sent as it is to make one."""
    CreateProfile.model_validate(GENERIC)


def test_openid_connect_claims_and_templates() -> None:
    """A plain name and a template both read the claims; `sources` has the source."""
    profile = {
        "user_attributes": {
            "mail": attribute("email", oidc_mapping={"mapping": "work_email"}),
            "nick": attribute("nickname", oidc_mapping={"mapping": "${context.userinfo.handle}"}),
            "dept": attribute("department", oidc_mapping={"mapping": "org_unit"}),
        }
    }
    claims = {
        "sub": "7",
        "email": "home@example.com",
        "work_email": "w@example.com",
        "handle": "joe",
        "org_unit": "R",
    }
    found = read("oidc", claims, profile)
    assert (found.attributes["email"], found.attributes["nickname"]) == ("w@example.com", "joe")
    assert found.extras["department"] == "R"
    assert found.sources["email"] == "work_email"


def test_assertions_are_read_by_their_own_names() -> None:
    """An enterprise connection takes the SAML mapping, best first; the person's id too."""
    attributes = {"emailaddress": "ada@example.com", "givenname": "Ada", "upn": "ada"}
    claims = {"nameid": "n1", **{f"{SAML}{name}": value for name, value in attributes.items()}}
    found = read("samlp", claims, GENERIC)
    assert (found.attributes["email"], found.attributes["given_name"]) == ("ada@example.com", "Ada")
    assert found.idp_id == "corp|ada"


def test_an_override_is_for_its_strategy_only() -> None:
    """What is said for a strategy goes before what is said for all."""
    overrides = {"waad": {"oidc_mapping": {"mapping": "upn"}}}
    profile = {
        "user_attributes": {
            "mail": attribute("email", oidc_mapping={"mapping": "email"}, strategy_overrides=overrides)
        }
    }
    claims = {"sub": "1", "oid": "1", "email": "a@example.com", "upn": "u@example.com"}
    assert read("waad", claims, profile).attributes["email"] == "u@example.com"
    assert read("oidc", claims, profile).attributes["email"] == "a@example.com"


def test_what_the_connection_maps_itself_goes_first() -> None:
    """The connection's own mapping has precedence, in both of its forms."""
    profile = {"user_attributes": {"n": attribute("name", oidc_mapping={"mapping": "n1"})}}
    claims = {"sub": "1", "n1": "Profile", "n2": "Own"}
    assert read("oidc", claims, profile).attributes["name"] == "Profile"
    assert read("oidc", claims, profile, fieldsMap={"name": "n2"}).attributes["name"] == "Own"
    own = {"attributes": {"name": "${context.tokenset.n2}"}}
    assert read("oidc", claims, profile, attribute_map=own).attributes["name"] == "Own"


def test_an_attribute_without_claims_is_read_as_the_strategy_does() -> None:
    """A profile that says nothing about a protocol changes nothing for it."""
    profile = {"user_attributes": {"n": attribute("name", saml_mapping=["cn"])}}
    assert read("oidc", {"sub": "1", "name": "Jane"}, profile).attributes["name"] == "Jane"


def test_only_a_name_names_a_profile() -> None:
    """Anything else in the option is no profile."""
    assert profile_of({"user_attribute_profile_id": "uap_1"}) == "uap_1"
    for odd in (None, 7, ["uap_1"], "a\x00b"):
        assert profile_of({"user_attribute_profile_id": odd}) is None
