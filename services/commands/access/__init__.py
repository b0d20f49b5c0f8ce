"""Roles, permissions and organizations of users."""
