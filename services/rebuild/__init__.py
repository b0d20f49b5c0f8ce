"""profile.events -> a new generation of the views, beside the live one: replay, indexes, catch-up,
comparison, switch."""
