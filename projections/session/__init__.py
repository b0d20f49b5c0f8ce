"""Access as logins showed it: sessions, refresh tokens, grants; and the public keys of people's devices."""
