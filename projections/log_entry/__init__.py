"""The tenant's logs: one or more entries for each event."""
