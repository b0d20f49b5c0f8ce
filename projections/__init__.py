"""Pure folds of events, one folder per view with its table and its queries."""
