"""What each kind of event does to a profile, one module per kind."""
