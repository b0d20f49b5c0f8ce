"""Bearer tokens, their issuers, client secrets and password hashes."""
