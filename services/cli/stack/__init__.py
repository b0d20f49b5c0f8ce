"""`vita up`, `vita down`, `vita logs`, `vita demo`: the local stack of a checkout."""
