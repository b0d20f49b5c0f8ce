"""The Kafka key of a raw login: whatever keeps one person's logins in one partition."""

from schemas.raw_login import RawLogin
from services.normalizer.mapping.model import ConnectionSettings, UnmappableLogin
from services.normalizer.mapping.normalization import identify

_NO_OPTIONS: dict[str, object] = {}


def record_key(login: RawLogin) -> bytes:
    """`tenant/strategy|idp id`; `tenant/connection|identifier` where the claims do not say who it is.

    The connection's own options are not known here, so the id may differ from the one the normalizer
    finds; it is the same for every login of a person, and that is all a key has to be.
    """
    data = login.data
    connection = ConnectionSettings(data.connection, data.strategy or data.connection, _NO_OPTIONS)
    try:
        provider, idp_id = identify(connection, data.claims, data.identifier)
    except UnmappableLogin:
        provider, idp_id = data.connection, data.identifier or login.id
    return f"{login.tenant}/{provider}|{idp_id}".encode()
