"""The Kafka key of a raw login: whatever keeps one person's logins in one partition."""

from functools import lru_cache
from typing import NamedTuple

from projections.normalization.mapping import identify
from projections.normalization.model import ConnectionSettings, UnmappableLogin
from schemas.logins.raw_login import RawLogin

_NO_OPTIONS: dict[str, object] = {}


class Key(NamedTuple):
    """A record's key. `identified`: the strategy that the login states finds an identity in its claims."""

    value: bytes
    identified: bool


def record_key(login: RawLogin) -> Key:
    """`tenant/strategy|idp id`; `tenant/connection|identifier` where the claims do not say who it is.

    The connection's own options are not known here, so the id may differ from the one the normalizer
    finds; it is the same for every login of a person, and that is all a key has to be.
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
    """The strategy by which the key is made: the one that the login states, or else its connection's name."""
    return login.data.strategy or login.data.connection
