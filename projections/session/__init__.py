"""Sessions, refresh tokens and grants as logins reported them, and public keys of devices."""
