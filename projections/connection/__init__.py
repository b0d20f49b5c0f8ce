"""The connections of a tenant."""
