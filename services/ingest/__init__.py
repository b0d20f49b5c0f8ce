"""The HTTP interface for gateways: HTTP -> logins.raw, at least once. An accepted login is acknowledged by
all replicas."""
