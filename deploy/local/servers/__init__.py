"""Kafka and PostgreSQL as processes of one checkout: download, configuration and start."""
