"""Resource servers: the APIs that permissions belong to."""
