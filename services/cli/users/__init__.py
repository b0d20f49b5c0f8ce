"""`vita users`: manages users through the Management API."""
