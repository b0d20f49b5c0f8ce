"""Log entries and statistics."""
