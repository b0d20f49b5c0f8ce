"""What events mean: pure folds, one folder per view with its table and its queries."""
