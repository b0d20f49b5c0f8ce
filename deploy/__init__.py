"""Installs and runs Vita: the local stack, database roles and migrations, Kafka rights, containers."""
