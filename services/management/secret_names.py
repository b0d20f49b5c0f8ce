"""Names of properties in requests and answers that hold secrets."""

from typing import Final

SECRETS: Final = frozenset(
    (
        "password",
        "client_secret",
        "totp_secret",
        "link_with",
        "secret",
        "recovery_code",
        "access_token",
        "refresh_token",
        "signing_secret",
        "storageAccessKey",
        "privateKey",
        "sharedAccessKey",
    )
)
"""Names of properties whose values no log may hold."""

TICKETS: Final = frozenset(("ticket", "ticket_url", "ticket_id", "barcode_uri", "enrollment_url"))
"""Names of properties that let their bearer in, though they are not called secrets."""
