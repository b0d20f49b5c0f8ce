"""The mapping: `normalize(connection, claims, identifier)` turns what a provider said into Vita's words.

A pure function driven by tables: one row per strategy (`own`, `social`, `regional`, `business`, `enterprise`,
`general`), odd shapes as named functions (`shapes`). To add a strategy, add a row to one of the tables and a
payload with the profile you expect to `tests/unit/normalizer/payloads/`.

Rules that hold for every strategy:

- The identity is `identities[].user_id`, the part of a `user_id` after the provider. It is
  `<connection>|<id>` where ids are unique only within a connection (SAML, PingFederate, AD/LDAP, OpenID
  Connect, Okta, Auth0 as provider, OAuth 1 and 2). The provider is the strategy; only `auth0-adldap` counts
  as `ad`. A passwordless login without an id gets one derived from the address.
- `name`, `nickname` and `picture` are always there unless `non_persistent_attrs` names them; a tenant may
  choose no default picture.
- `email_verified` stands beside every address: the decision of an enterprise connection
  (`should_trust_email_verified_connection`), else the provider's word on that address, else false.
- Values keep their text and length. A value of the wrong type (a picture that is no http address, a phone
  number that is not +<digits>) is not an attribute but a leftover.
- What else a provider said stays a leftover under its own name: see `leftovers`.
- A connection's own mapping goes first: see `overrides`.
"""

from projections.normalization.catalogue import KNOWN_STRATEGIES, default_strategy, is_social
from projections.normalization.identity import derived_id
from projections.normalization.mapping import identify, normalize
from projections.normalization.model import ATTRIBUTES, ConnectionSettings, Normalized, UnmappableLogin

__all__ = [
    "ATTRIBUTES",
    "KNOWN_STRATEGIES",
    "ConnectionSettings",
    "Normalized",
    "UnmappableLogin",
    "default_strategy",
    "derived_id",
    "identify",
    "is_social",
    "normalize",
]
