"""`vita logins`: sends login events to ingest."""
