"""Computes the Kafka key of a raw login, which keeps the logins of one person in one partition."""

from functools import lru_cache
from typing import NamedTuple

from projections.normalization.mapping import identify
from projections.normalization.model import ConnectionSettings, UnmappableLogin
from schemas.logins.raw_login import RawLogin

_NO_OPTIONS: dict[str, object] = {}


class Key(NamedTuple):
    """A record's key. `identified` means that the strategy in the login finds an identity in its claims."""

    value: bytes
    identified: bool


def record_key(login: RawLogin) -> Key:
    """Return `tenant/strategy|idp id`, or `tenant/connection|identifier` if the claims hold no identity.

    The connection's own options are not known here, so the id may differ from the one that the normalizer
    finds. A key only has to be equal for all logins of a person.
    """
    data = login.data
    connection = _without_options(data.connection, stated_strategy(login))
    identified = True
    try:
        provider, idp_id = identify(connection, data.claims, data.identifier)
    except UnmappableLogin:
        provider, idp_id, identified = data.connection, data.identifier or login.id, False
    return Key(f"{login.tenant}/{provider}|{idp_id}".encode(), identified)


@lru_cache(maxsize=1024)
def _without_options(connection: str, strategy: str) -> ConnectionSettings:
    return ConnectionSettings(connection, strategy, _NO_OPTIONS)


def stated_strategy(login: RawLogin) -> str:
    """Return the strategy in the login, otherwise the name of its connection. The key is computed with it."""
    return login.data.strategy or login.data.connection
