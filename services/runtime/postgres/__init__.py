"""PostgreSQL at the edge: pools, connections of one tenant, named queries, batched look-ups."""
