"""Whose an identity is that others would look for in vain: by its id and by what is typed to sign in."""
