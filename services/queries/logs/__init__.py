"""Log entries: pages, search, and how far the entries are complete."""
