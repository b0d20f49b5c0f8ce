"""`vita tail`, `vita history`, `vita audit`: the event log, read and opened."""
