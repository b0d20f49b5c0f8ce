"""The members of roles and organizations."""
