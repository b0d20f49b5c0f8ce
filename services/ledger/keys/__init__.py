"""Keys at rest: subject keys, signing keys of tokens, keys of gateways."""
