"""Linking and unlinking of accounts."""
