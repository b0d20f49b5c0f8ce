"""Fair shares among tenants: of the event loop, of threads, of connections and of memory for bodies."""
