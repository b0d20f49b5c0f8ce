"""The settings of a tenant: roles, APIs, organizations and other kinds without their own table."""
