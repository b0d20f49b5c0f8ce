"""The settings of a tenant, of every kind that needs no table of its own: roles, APIs, organizations, ..."""
