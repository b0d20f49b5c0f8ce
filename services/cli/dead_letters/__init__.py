"""`vita dlq`: records that could not be processed."""
