"""A user's history, read from the log through the audit trail's index."""
