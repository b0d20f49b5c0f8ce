"""Roles, their permissions and their members."""
