"""Templates of user attribute profiles, with the usual names of attributes in each protocol."""

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


USER_ID: Final[Mapping[str, Any]] = {
    "oidc_mapping": "sub",
    "saml_mapping": [f"{_CLAIM}nameidentifier", f"{_CLAIM}upn", f"{_CLAIM}name"],
    "scim_mapping": "externalId",
}
"""The default mapping of the user id."""


def profile_shown(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a profile as responses show it, with defaults for missing mappings of the user id.

    The defaults are not stored: without its own mapping, a connection reads ids as its strategy does.
    """
    user_id = {**USER_ID, **(document.get("user_id") or {})}
    rest = {name: value for name, value in document.items() if name not in ("id", "name", "user_id")}
    return {"id": document["id"], "name": document["name"], "user_id": user_id, **rest}


TEMPLATES: Final[Mapping[str, Mapping[str, Any]]] = {
    "auth0-generic": {
        "id": "auth0-generic",
        "display_name": "Auth0 Generic",
        "template": {
            "name": "Auth0 Generic",
            "user_id": {
                **USER_ID,
                "strategy_overrides": {"waad": {"oidc_mapping": "oid", "scim_mapping": "externalId"}},
            },
            "user_attributes": {
                "email": _attribute(
                    "email", "Email", "email", "emailaddress", "emails[primary eq true].value", required=True
                ),
                "username": _attribute("username", "Username", "preferred_username", "username", "userName"),
                "given_name": _attribute(
                    "given_name", "Given name", "given_name", "givenname", "name.givenName"
                ),
                "family_name": _attribute(
                    "family_name", "Family name", "family_name", "surname", "name.familyName"
                ),
                "name": _attribute("name", "Full name", "name", "name", "displayName"),
                "nickname": _attribute("nickname", "Nickname", "nickname", "nickname", "nickName"),
                "picture": _attribute("picture", "Picture", "picture", "picture", "photos[0].value"),
                "phone_number": _attribute(
                    "phone_number", "Phone number", "phone_number", "mobilephone", "phoneNumbers[0].value"
                ),
            },
        },
    }
}
