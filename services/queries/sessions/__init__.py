"""Sessions, refresh tokens, grants and device credentials of users."""
