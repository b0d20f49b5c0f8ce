"""Connections and their users."""
