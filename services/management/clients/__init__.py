"""API clients, their secrets and their grants."""
