"""Claims of enterprise directories: Entra ID, Workspace, SAML, AD FS, AD, OpenID Connect, Okta,
Salesforce."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final

from services.demo.face import Face

_IDENTITY_CLAIMS: Final = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
_TENANT_ID: Final = "7f3b2a10-5c1d-4e0a-9b61-0d3a5f4c8e22"
_TEAMS: Final = ("Engineering", "Finance", "Sales", "People", "Support", "Légal & Conformité", "開発部")


def entra(face: Face) -> dict[str, Any]:
    """Claims of a v2.0 identity token: object id, one display name, groups as GUIDs, sometimes roles."""
    return {
        "aud": "f2d1b8a4-1c34-4a57-8f3e-6a9b0c5d7e88",
        "iss": f"https://login.microsoftonline.com/{_TENANT_ID}/v2.0",
        "iat": face.at,
        "nbf": face.at,
        "exp": face.at + 3_900,
        "name": face.name,
        "oid": str(face.dice.guid("id")),
        "preferred_username": face.email,
        "rh": f"0.{face.dice.hexes('rh', 20)}",
        "sub": face.dice.hexes("pairwise", 43),
        "tid": _TENANT_ID,
        "uti": face.dice.hexes(f"uti {face.at}", 22),
        "ver": "2.0",
        "groups": [str(face.dice.guid(f"group {n}")) for n in range(face.dice.number("groups", 4))],
    } | (
        {"email": face.email, "family_name": face.family, "given_name": face.given} if _optional(face) else {}
    )


def workspace(face: Face) -> dict[str, Any]:
    """Google userinfo with the hosted domain."""
    return {
        "sub": face.dice.digits("id", 21),
        "name": face.name,
        "given_name": face.given,
        "family_name": face.family,
        "picture": face.picture("lh3.googleusercontent", "=s96-c"),
        "email": face.email,
        "email_verified": True,
        "hd": face.domain,
    }


def saml_claims(face: Face) -> dict[str, Any]:
    """A SAML assertion with claim URIs; every value is a list, groups have several values."""
    return {
        f"{_IDENTITY_CLAIMS}/nameidentifier": [face.email],
        f"{_IDENTITY_CLAIMS}/emailaddress": [face.email],
        f"{_IDENTITY_CLAIMS}/givenname": [face.given],
        f"{_IDENTITY_CLAIMS}/surname": [face.family],
        f"{_IDENTITY_CLAIMS}/name": [face.name],
        "http://schemas.xmlsoap.org/claims/Group": [_team(face), "All staff"],
        "costCentre": [face.dice.digits("cost centre", 4)],
        "sessionIndex": f"_{face.dice.hexes(f'session {face.at}', 32)}",
        "issuer": "urn:corp.example.com:idp",
    }


def saml_oids(face: Face) -> dict[str, Any]:
    """A university's SAML assertion: attributes by object identifier, affiliations as a list."""
    return {
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.6": [f"{face.handle}@{face.domain}"],
        "urn:oid:0.9.2342.19200300.100.1.3": [face.email],
        "urn:oid:2.5.4.42": [face.given],
        "urn:oid:2.5.4.4": [face.family],
        "urn:oid:2.16.840.1.113730.3.1.241": [face.name],
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.9": [f"member@{face.domain}", f"student@{face.domain}"],
        "nameIdentifier": face.dice.hexes("id", 32),
        "issuer": "https://idp.uni.example.org/shibboleth",
    }


def active_directory(face: Face) -> dict[str, Any]:
    """An entry as the connector reads it: objectGUID as text or base64 of its bytes, lists, LDAP's names."""
    guid = face.dice.guid("id")
    as_bytes = face.dice.chance("binary", 30)
    return {
        "objectGUID": b64encode(guid.bytes_le).decode() if as_bytes else str(guid),
        "dn": f"CN={face.latin},OU=Users,DC=office,DC=example,DC=com",
        "cn": face.name,
        "displayName": face.name,
        "givenName": face.given,
        "sn": face.family,
        "sAMAccountName": face.handle[:20],
        "userPrincipalName": f"{face.handle}@{face.domain}",
        "mail": face.email if face.dice.chance("mailbox", 85) else "",
        "department": _team(face),
        "telephoneNumber": face.phone,
        "memberOf": [f"CN={_team(face)},OU=Groups,DC=office,DC=example,DC=com", "CN=VPN,OU=Groups,DC=office"],
        "whenCreated": "20190412083015.0Z",
    }


def adfs(face: Face) -> dict[str, Any]:
    """A WS-Federation token: claim URIs with single values, identified by UPN."""
    return {
        f"{_IDENTITY_CLAIMS}/upn": f"{face.handle}@{face.domain}",
        f"{_IDENTITY_CLAIMS}/nameidentifier": f"{face.handle}@{face.domain}",
        f"{_IDENTITY_CLAIMS}/emailaddress": face.email,
        f"{_IDENTITY_CLAIMS}/givenname": face.given,
        f"{_IDENTITY_CLAIMS}/surname": face.family,
        f"{_IDENTITY_CLAIMS}/name": face.name,
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/role": _team(face),
        "issuer": "http://adfs.branch.example.com/adfs/services/trust",
    }


def openid(face: Face) -> dict[str, Any]:
    """Standard claims with a phone number and a postal address."""
    return {
        "sub": str(face.dice.guid("id")),
        "iss": "https://id.partner.example.net",
        "aud": "vita-demo",
        "iat": face.at,
        "exp": face.at + 3_600,
        "preferred_username": face.handle,
        "name": face.name,
        "given_name": face.given,
        "family_name": face.family,
        "email": face.email,
        "email_verified": face.dice.chance("verified", 70),
        "phone_number": face.phone,
        "phone_number_verified": False,
        "zoneinfo": face.dice.pick("zone", ("Europe/Athens", "Asia/Tokyo", "America/Bogota")),
        "address": {"country": face.country, "locality": "Exampleton"},
        "updated_at": face.at - 3_600,
    }


def okta(face: Face) -> dict[str, Any]:
    """Okta userinfo with a groups claim."""
    return {
        "sub": f"00u{face.dice.hexes('id', 17)}",
        "name": face.name,
        "locale": face.locale.replace("-", "_"),
        "email": face.email,
        "preferred_username": face.email,
        "given_name": face.given,
        "family_name": face.family,
        "zoneinfo": "America/Los_Angeles",
        "updated_at": face.at - 7_200,
        "email_verified": True,
        "groups": ["Everyone", _team(face)],
    }


def salesforce(face: Face) -> dict[str, Any]:
    """`/services/oauth2/userinfo`: the subject is a URL, photos and service URLs are objects."""
    org, user = f"00D{face.dice.hexes('org', 12)}EAA", f"005{face.dice.hexes('id', 12)}AAG"
    photo = face.picture("acme.file.force", "/F")
    return {
        "sub": f"https://login.salesforce.com/id/{org}/{user}",
        "user_id": user,
        "organization_id": org,
        "preferred_username": f"{face.handle}@{face.domain}",
        "nickname": face.handle,
        "name": face.name,
        "email": face.email,
        "email_verified": True,
        "given_name": face.given,
        "family_name": face.family,
        "zoneinfo": "America/New_York",
        "photos": {"picture": photo, "thumbnail": photo.replace("/F", "/T")},
        "picture": photo,
        "address": {"country": face.country},
        "urls": {"rest": "https://acme.my.salesforce.example/services/data/v{version}/"},
        "active": True,
        "user_type": "STANDARD",
        "language": "en_US",
        "utcOffset": -18_000_000,
        "updated_at": "2026-05-11T12:01:30Z",
    }


def _team(face: Face) -> str:
    return face.dice.pick("team", _TEAMS)


def _optional(face: Face) -> bool:
    return face.dice.chance("optional claims", 70)


SHAPES: Final[Mapping[str, Callable[[Face], dict[str, Any]]]] = {
    "waad": entra,
    "google-apps": workspace,
    "samlp-claims": saml_claims,
    "samlp-oids": saml_oids,
    "ad": active_directory,
    "adfs": adfs,
    "oidc": openid,
    "okta": okta,
    "salesforce": salesforce,
}
