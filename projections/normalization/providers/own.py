"""Connections whose users are stored in Vita or in the customer's database; they use Vita's names already."""

from projections.normalization.strategy import Strategy

_ID = ("user_id", "_id", "id", "sub")
_DATABASE = Strategy(kind="database", id=_ID, lower_case=True)

OWN_STRATEGIES = {
    "auth0": _DATABASE,
    "custom": _DATABASE,
    "email": Strategy(kind="passwordless", id=_ID, ignore=("email_verified",)),
    "sms": Strategy(
        kind="passwordless",
        id=_ID,
        phone_number=("phone_number", "phone"),
        ignore=("phone_verified", "phone_number_verified"),
    ),
}
