"""A demo gateway: a seeded population that signs in through the shapes providers really return."""
