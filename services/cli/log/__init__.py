"""`vita tail` and `vita audit`, and how commands read and unseal the event log."""
