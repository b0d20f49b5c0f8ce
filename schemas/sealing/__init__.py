"""Keys, sealed blobs, and the mapper: the one place where events are sealed and opened."""
