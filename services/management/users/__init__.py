"""Users: listing, searching, reading, writing, linking, and their access rights."""
