"""Normalizes logins: `normalize(connection, claims, identifier)` maps a provider's claims to profile
attributes.

The function is pure and driven by tables: one row per strategy (`own`, `social`, `regional`, `business`,
`enterprise`, `general`), with named functions for irregular claims (`shapes`). To add a strategy, add a row
to one of the tables, and add a payload with the expected profile to
`tests/unit/projections/normalization/payloads/`.

Rules for every strategy:

- The identity is `identities[].user_id`, the part of a `user_id` after the provider. It is
  `<connection>|<id>` where ids are unique only within a connection (SAML, PingFederate, AD/LDAP, OpenID
  Connect, Okta, Auth0 as provider, OAuth 1 and 2). The provider is the strategy, except that
  `auth0-adldap` has the provider `ad`. A passwordless login without an id gets one that is derived from
  the address.
- `name`, `nickname` and `picture` are always set unless `non_persistent_attrs` names them. A tenant may
  choose to have no default picture.
- `email_verified` accompanies every e-mail address. It is the decision of an enterprise connection
  (`should_trust_email_verified_connection`), otherwise the provider's flag for that address, otherwise
  false.
- Values keep their text and length. A value of the wrong type (a picture that is not an http URL, a phone
  number that is not +<digits>) becomes a leftover instead of an attribute.
- All other claims become leftovers under their own names; see `leftovers`.
- A connection's own mapping takes precedence; see `overrides`.

An event keeps the claims of its login (`claims_to_keep`), so that `remap` can map the login again when the
connection's mapping or this code has changed.
"""

from projections.normalization.catalogue import KNOWN_STRATEGIES, default_strategy, is_social
from projections.normalization.identity import derived_id
from projections.normalization.mapping import (
    Remapped,
    claims_to_keep,
    identifier_to_keep,
    identify,
    normalize,
    remap,
)
from projections.normalization.model import ATTRIBUTES, ConnectionSettings, Normalized, UnmappableLogin

__all__ = [
    "ATTRIBUTES",
    "KNOWN_STRATEGIES",
    "ConnectionSettings",
    "Normalized",
    "Remapped",
    "UnmappableLogin",
    "claims_to_keep",
    "default_strategy",
    "derived_id",
    "identifier_to_keep",
    "identify",
    "is_social",
    "normalize",
    "remap",
]
