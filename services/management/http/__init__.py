"""How requests reach operations and how results become responses."""
