"""Finds or starts Kafka and PostgreSQL and runs the services, for one checkout on one machine."""
