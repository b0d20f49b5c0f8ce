"""`vita status`: the state and the lag of every part."""
