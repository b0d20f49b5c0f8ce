"""Kafka at the edge: access, producers, appending to and reading from topics, record batches."""
