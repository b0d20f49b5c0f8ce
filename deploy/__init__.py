"""Where Vita runs: the local stack, database roles and migrations, containers."""
