"""User attribute profiles to begin with: the names each protocol commonly has for an attribute."""

from collections.abc import Mapping
from typing import Any, Final

_CLAIM: Final = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"


def _attribute(
    name: str, label: str, claim: str, saml: str, scim: str, *, required: bool = False
) -> dict[str, Any]:
    return {
        "label": label,
        "description": f"{label} of the user",
        "auth0_mapping": name,
        "profile_required": required,
        "oidc_mapping": {"mapping": f"${{context.tokenset.{claim}}}", "display_name": label},
        "saml_mapping": [f"{_CLAIM}{saml}"],
        "scim_mapping": scim,
    }


TEMPLATES: Final[Mapping[str, Mapping[str, Any]]] = {
    "auth0-generic": {
        "id": "auth0-generic",
        "display_name": "Auth0 Generic",
        "template": {
            "name": "Auth0 Generic",
            "user_id": {
                "oidc_mapping": "sub",
                "saml_mapping": [f"{_CLAIM}nameidentifier", f"{_CLAIM}upn", f"{_CLAIM}name"],
                "scim_mapping": "externalId",
                "strategy_overrides": {"waad": {"oidc_mapping": "oid", "scim_mapping": "externalId"}},
            },
            "user_attributes": {
                "email": _attribute(
                    "email", "Email", "email", "emailaddress", "emails[primary eq true].value", required=True
                ),
                "given_name": _attribute(
                    "given_name", "Given name", "given_name", "givenname", "name.givenName"
                ),
                "family_name": _attribute(
                    "family_name", "Family name", "family_name", "surname", "name.familyName"
                ),
                "name": _attribute("name", "Full name", "name", "name", "displayName"),
                "nickname": _attribute("nickname", "Nickname", "nickname", "nickname", "nickName"),
                "phone_number": _attribute(
                    "phone_number", "Phone number", "phone_number", "mobilephone", "phoneNumbers[0].value"
                ),
            },
        },
    }
}
