"""The steps from a request to its handler and back: routing, token, rate limit, body, idempotency key."""
