"""A person's history: what each event changed, the profile at a past moment, and where values came from."""
