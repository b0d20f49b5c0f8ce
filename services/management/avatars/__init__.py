"""Default pictures of users."""
