"""The normalizer: logins.raw -> profile.events."""
