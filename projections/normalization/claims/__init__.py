"""Reading of claims: paths, shapes, value types, and whether an address is verified."""
