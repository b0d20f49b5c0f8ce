"""The API clients of a tenant."""
