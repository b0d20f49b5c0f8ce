"""Rate limits of API clients."""
