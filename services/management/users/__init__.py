"""Users: list, search, read, create, edit, delete, link; what they may do."""
