"""The token endpoint and the documents by which others verify tokens."""
