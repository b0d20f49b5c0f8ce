"""`vita up`, `vita down`, `vita clean`, `vita logs`, `vita env`, `vita demo`: the local stack of a
checkout."""
