"""Connections whose users live here or in the customer's own database: our words, so hardly any mapping."""

from services.normalizer.mapping.strategy import Strategy

_DATABASE = Strategy(kind="database", id=("user_id", "_id", "id", "sub"), lower_case=True)

OWN_STRATEGIES = {
    "auth0": _DATABASE,
    "custom": _DATABASE,
    "email": Strategy(kind="passwordless", id=("user_id", "_id", "id", "sub")),
    "sms": Strategy(
        kind="passwordless", id=("user_id", "_id", "id", "sub"), phone_number=("phone_number", "phone")
    ),
}
