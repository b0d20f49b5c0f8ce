"""What a request means: pure functions from what is known and what is asked to events, or to a refusal."""
