"""Roles, what they permit, and who has them."""
