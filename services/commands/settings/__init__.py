"""The configuration of a tenant: connections, API clients and settings of every other kind."""
