"""Kafka and PostgreSQL as processes of one checkout: downloaded, configured, run."""
