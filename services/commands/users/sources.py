"""The kinds of user sources of connections, and what they allow (fact sheet §1.4)."""

from collections.abc import Mapping
from typing import Any, Literal

from projections.connection.fold import ConnectionState
from projections.normalization.catalogue import compiled_strategy

Kind = Literal["store", "custom_database", "email", "sms", "social", "enterprise"]


def options_of(connection: ConnectionState) -> Mapping[str, Any]:
    """Return the connection's options; empty if it has none."""
    options = connection.document.get("options")
    return options if isinstance(options, Mapping) else {}


def kind_of(connection: ConnectionState) -> Kind:
    """Return the kind of source: `store` is the built-in database, `custom_database` the customer's database
    without import."""
    kind, options = compiled_strategy(connection.strategy).row.kind, options_of(connection)
    if kind == "database":
        foreign = (
            options.get("enabledDatabaseCustomization") is True and options.get("import_mode") is not True
        )
        return "custom_database" if foreign else "store"
    if kind == "passwordless":
        return "email" if connection.strategy == "email" else "sms"
    return "enterprise" if kind == "enterprise" else "social"


def is_disabled(connection: ConnectionState) -> bool:
    """Whether no application may use the connection."""
    authentication = connection.document.get("authentication")
    return isinstance(authentication, Mapping) and authentication.get("active") is False


def keeps_edits(connection: ConnectionState) -> bool:
    """Whether edited root attributes are kept, because the provider does not write them at each login."""
    kind = kind_of(connection)
    if kind in ("store", "email", "sms"):
        return True
    policy = options_of(connection).get("set_user_root_attributes")
    return kind != "custom_database" and policy in ("on_first_login", "never_on_login")


def identifies_by(
    connection: ConnectionState, attribute: Literal["email", "username", "phone_number"]
) -> bool:
    """Whether users of a database connection are identified by this attribute."""
    options = options_of(connection)
    attributes = options.get("attributes")
    if isinstance(attributes, Mapping) and attributes:
        return isinstance(attributes.get(attribute), Mapping)
    return attribute == "email" or (attribute == "username" and options.get("requires_username") is True)


def requires_username(connection: ConnectionState) -> bool:
    """Whether a user of a database connection must have a username."""
    options = options_of(connection)
    attributes = options.get("attributes")
    if not isinstance(attributes, Mapping) or not attributes:
        return options.get("requires_username") is True
    username = attributes.get("username")
    signup = username.get("signup") if isinstance(username, Mapping) else None
    return isinstance(signup, Mapping) and signup.get("status") == "required"


def never_stored(connection: ConnectionState) -> frozenset[str]:
    """Return the attributes in `non_persistent_attrs`."""
    names = options_of(connection).get("non_persistent_attrs")
    return (
        frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else frozenset()
    )
