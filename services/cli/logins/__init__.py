"""`vita logins`: login events sent to ingest."""
