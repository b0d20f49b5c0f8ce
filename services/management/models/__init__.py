"""What callers may send: one source for validation and for the OpenAPI document."""
