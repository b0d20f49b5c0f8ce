"""`vita users`: people, through the Management API."""
