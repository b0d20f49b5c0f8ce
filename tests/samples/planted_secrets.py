"""Secrets that tests plant through the API, and the forms in which a store may hold them."""

import base64
from collections.abc import Mapping
from typing import Any, Final, get_args

from projections.connection.strategies import Strategy

MARK: Final = "PlantedAtRest"
_SOME_BYTES: Final = 3
"""After this many bytes, a base64 text begins a new group of letters."""
SECRET_OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "ad": {"provisioning_ticket_url": "url", "certs": ["shown"]},
    "adfs": {"decryptionKey": {"key": "key", "cert": "certificate"}},
    "apple": {"app_secret": "app", "kid": "shown"},
    "auth0": {
        "configuration": {"DB_PASSWORD": "database", "ANY": "other"},
        "bareConfiguration": {"API": "bare"},
        "authentication_methods": {"password": {"enabled": True}},
    },
    "custom": {"apiKey": "api", "basic": {"username": "shown", "password": "basic"}},
    "email": {
        "email": {"provider": {"credentials": {"smtp_host": "host", "smtp_pass": "pass", "api_key": "mail"}}}
    },
    "google-apps": {
        "client_secret": "client", "admin_access_token": "access", "admin_refresh_token": "refresh",
    },
    "oauth1": {"client_secret": "client", "consumerSecret": "consumer", "consumerKey": "shown"},
    "oauth2": {"client_secret": "client", "customHeaders": {"X-Anything": "header"}},
    "oidc": {"client_secret": "client", "upstream": {"request_signing_key": {"pem": "pem"}}},
    "okta": {"client_secret": "client", "api_token": "api"},
    "pingfederate": {"signingKey": "signing", "decryptionKey": {"key": "key"}},
    "samlp": {
        "signing_key": {"key": "signing", "cert": "cert"},
        "signingKey": {"key": "own"},
        "decryptionKey": {"key": "decryption"},
        "idpinitiated": {"client_id": "shown"},
    },
    "sms": {
        "twilio_token": "twilio", "twilio_sid": "shown",
        "gateway_authentication": {"method": "bearer-shown", "secret": "gateway"},
    },
    "waad": {"client_secret": "client", "ext_access_token": "access", "ext_refresh_token": "refresh"},
}  # fmt: skip
"""What a strategy's connections are given besides its users; texts that hold `shown` are no secrets."""
STRATEGIES: Final = tuple(name for name in get_args(Strategy) if name != "ip")
"""Strategies whose users are identified by an address alone."""
ADDONS: Final[Mapping[str, Any]] = {
    "azure_blob": {"accountName": "shown", "storageAccessKey": "blob"},
    "azure_sb": {"sasKeyName": "shown", "sasKey": "bus"},
    "firebase": {"secret": "firebase", "private_key": "private", "private_key_id": "shown"},
    "layer": {"providerId": "shown", "privateKey": "layer"},
    "sap_api": {"clientid": "shown", "servicePassword": "sap"},
    "wams": {"masterkey": "media"},
}


def planted(value: Any, place: str) -> Any:
    """The value with a recognisable, unique text in place of every secret."""
    match value:
        case dict():
            return {name: planted(member, f"{place}-{name}") for name, member in value.items()}
        case list():
            return [planted(item, place) for item in value]
        case str() if "shown" not in value:
            return f"{MARK}-{place}-{value}"
    return value


def options_of(strategy: str) -> dict[str, Any]:
    """Options of a connection of that strategy, with every secret that it takes."""
    made: dict[str, Any] = planted(SECRET_OPTIONS.get(strategy, {"client_secret": "client"}), strategy)
    return {"client_id": "shown", **made}


def forms(secret: str | bytes) -> set[bytes]:
    """A secret as it may lie somewhere: as it is, in hexadecimal, in base64 wherever it begins there."""
    raw = secret.encode() if isinstance(secret, str) else secret
    found = {raw, raw.hex().encode(), raw.hex().upper().encode()}
    for skipped in range(_SOME_BYTES):
        whole = raw[skipped : skipped + (len(raw) - skipped) // _SOME_BYTES * _SOME_BYTES]
        found |= {base64.b64encode(whole), base64.urlsafe_b64encode(whole)}
    return found
