"""`vita tenants`, `clients`, `gateways` and `keys`: administers tenants and their credentials."""
