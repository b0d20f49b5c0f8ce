"""Enterprise directories: Entra ID, AD FS, SAML, Active Directory, LDAP, Google Workspace, and older ones."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from projections.normalization.claims.shapes import (
    directory_guid,
    member_name,
    name_id,
    name_id_address,
    office_user_id,
)
from projections.normalization.claims.views import LOOSE, SEGMENTS, unwrapped
from projections.normalization.strategy import EVERYTHING, Strategy

_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
_MICROSOFT = "http://schemas.microsoft.com/ws/2008/06/identity/claims"
_SESSION = (
    "sessionIndex",
    "inResponseTo",
    "authnInstant",
    "authenticationInstant",
    "authenticationMethod",
    f"{_MICROSOFT}/authenticationinstant",
    f"{_MICROSOFT}/authenticationmethod",
    "http://schemas.microsoft.com/claims/authnmethodsreferences",
)
"""Claims of an assertion about the authentication rather than the user."""
_OPERATIONAL = (
    "lastLogon",
    "lastLogonTimestamp",
    "logonCount",
    "badPwdCount",
    "badPasswordTime",
    "uSNChanged",
    "whenChanged",
    "dSCorePropagationData",
)
"""Attributes that a directory updates at every login."""
_BINARY = ("thumbnailPhoto", "jpegPhoto", "photo", "userCertificate", "userSMIMECertificate")


def _entra_id(options: Mapping[str, Any]) -> Iterable[str]:
    """Return the claim that `userid_attribute` names: `oid` (the default) or `sub`."""
    return ("sub",) if options.get("userid_attribute") == "sub" else ()


def _workspace_id(options: Mapping[str, Any]) -> Iterable[str]:
    """Return the numeric id if `map_user_id_to_id` is set; otherwise the id is the e-mail address."""
    return ("sub", "id", "user_id") if options.get("map_user_id_to_id") is True else ()


def _saml_id(options: Mapping[str, Any]) -> Iterable[str]:
    """Return the claim in `user_id_attribute`, which takes precedence over the NameID."""
    name = options.get("user_id_attribute")
    return (name,) if isinstance(name, str) else ()


_ENTRA = Strategy(
    kind="enterprise",
    view=SEGMENTS,
    id=("oid", "objectidentifier", "id", "sub"),
    id_by_option=_entra_id,
    name=("name", "displayName"),
    given_name=("given_name", "givenname"),
    family_name=("family_name", "surname"),
    email=(
        "email",
        "emailaddress",
        "mail",
        member_name("upn"),
        member_name("preferredusername"),
        member_name("uniquename"),
        member_name("userprincipalname"),
    ),
    phone_number=("phone_number", "mobilePhone"),
    trusts_email=False,
    extras={"tenantid": ("tid", "tenantid")},
    keep=("upn", "preferred_username", "unique_name", "userPrincipalName"),
    ignore=("aio", "uti", "rh", "ver", "ipaddr", "pwd_exp", "pwd_url", "@odata.context"),
)

_SAML = Strategy(
    kind="enterprise",
    per_connection=True,
    view=LOOSE,
    id=(
        f"{_CLAIMS}/nameidentifier",
        name_id("nameid"),
        name_id("nameidattributes"),
        name_id("nameidentifier"),
        f"{_CLAIMS}/upn",
        "upn",
        f"{_CLAIMS}/name",
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.6",
        "eduPersonPrincipalName",
        "urn:oid:0.9.2342.19200300.100.1.1",
        "uid",
        f"{_CLAIMS}/emailaddress",
        "urn:oid:0.9.2342.19200300.100.1.3",
        "mail",
        "email",
    ),
    id_by_option=_saml_id,
    name=(
        f"{_CLAIMS}/name",
        "urn:oid:2.16.840.1.113730.3.1.241",
        "http://schemas.microsoft.com/identity/claims/displayname",
        "displayName",
        "name",
        "urn:oid:2.5.4.3",
        "cn",
        "full_name",
        "http://schemas.xmlsoap.org/claims/CommonName",
    ),
    nickname=("nickname", "eduPersonNickname", "urn:oid:1.3.6.1.4.1.5923.1.1.1.2"),
    given_name=(f"{_CLAIMS}/givenname", "urn:oid:2.5.4.42", "given_name", "first_name", "gn"),
    family_name=(f"{_CLAIMS}/surname", "urn:oid:2.5.4.4", "surname", "sn", "last_name", "family_name"),
    email=(
        f"{_CLAIMS}/emailaddress",
        "urn:oid:0.9.2342.19200300.100.1.3",
        "email",
        "mail",
        "email_address",
        "urn:oid:1.2.840.113549.1.9.1",
        "http://schemas.xmlsoap.org/claims/EmailAddress",
        name_id_address,
    ),
    email_verified=(
        "email_verified",
        f"{_CLAIMS}/email_verified",
        f"{_CLAIMS}/emailaddress_verified",
        "http://schemas.auth0.com/email_verified",
    ),
    phone_number=("phone_number", f"{_CLAIMS}/mobilephone", "urn:oid:0.9.2342.19200300.100.1.41", "mobile"),
    extras={
        "groups": (
            "http://schemas.xmlsoap.org/claims/Group",
            f"{_MICROSOFT}/groups",
            "groups",
            "urn:oid:1.3.6.1.4.1.5923.1.5.1.1",
            "isMemberOf",
            "memberOf",
        )
    },
    keep=EVERYTHING,
    ignore=_SESSION,
    tokens=False,
)

_DIRECTORY = Strategy(
    kind="enterprise",
    provider="ad",
    per_connection=True,
    view=LOOSE,
    id=(directory_guid, "id", "uid", "cn", "entryUUID", "sAMAccountName", "distinguishedName", "dn"),
    name=("displayName", "name", "cn", "commonName"),
    nickname=("sAMAccountName", "cn", "commonName"),
    given_name=("givenName", "name.givenName"),
    family_name=("sn", "surname", "name.familyName"),
    email=("mail", "email", "emails"),
    keep=("sAMAccountName", "userPrincipalName"),
    ignore=(*_OPERATIONAL, *_BINARY),
    tokens=False,
)

ENTERPRISE_STRATEGIES = {
    "ad": _DIRECTORY,
    "auth0-adldap": _DIRECTORY,
    "adfs": Strategy(
        kind="enterprise",
        view=SEGMENTS,
        id=("emailaddress", "email", "mail", "upn", "nameidentifier"),
        name=("displayName", "name", "commonName"),
        given_name=("givenname",),
        family_name=("sn", "surname"),
        email=("emailaddress", "email", "mail", "upn"),
        trusts_email=False,
        keep=("upn",),
        ignore=_SESSION,
    ),
    "google-apps": Strategy(
        kind="enterprise",
        id=("email", "sub", "id"),
        id_by_option=_workspace_id,
        email_verified=("email_verified", "verified_email"),
        ignore=("kind", "etag"),
    ),
    "ip": Strategy(
        kind="enterprise",
        id=("user_id", "sub", "id", "ip"),
        name=("name", "display_name", "displayName", "username"),
    ),
    "office365": replace(_ENTRA, id=(office_user_id, "nameidentifier", "oid", "sub"), id_by_option=None),
    "pingfederate": _SAML,
    "samlp": _SAML,
    "sharepoint": Strategy(
        kind="enterprise",
        view=unwrapped("d"),
        id=("UserId.NameId", "nameid", "sub", "LoginName"),
        name=("Title", "name"),
        email=("Email", "email"),
        trusts_email=False,
        ignore=("__metadata", "Alerts", "Groups"),
    ),
    "waad": _ENTRA,
}
