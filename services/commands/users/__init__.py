"""Commands that create, edit and delete users."""
