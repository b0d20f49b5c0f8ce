"""Which values are reserved before an event needs them, because they must be unique (design D6)."""

from typing import Final, Literal

ReservationKind = Literal["email", "phone_number", "username", "user_id", "connection", "name", "request"]
"""`name` is that of a setting; `request` the result of a request with an idempotency key."""
PERSONAL: Final[tuple[ReservationKind, ...]] = ("email", "phone_number", "username", "user_id")
"""The kinds that a user's values are reserved as."""
