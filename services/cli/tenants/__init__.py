"""Tenants, their domains, API clients, gateways and keys."""
