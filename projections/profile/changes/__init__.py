"""The effect of each kind of event on a profile, one module per kind."""
