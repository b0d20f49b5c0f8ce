"""Kafka and PostgreSQL for one checkout: found, or downloaded and run."""
