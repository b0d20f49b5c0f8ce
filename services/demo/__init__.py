"""A demo gateway: a seeded population whose users log in with claims as real providers return them."""
