"""logins.raw -> profile.events."""
