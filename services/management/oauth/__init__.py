"""The token endpoint, and the documents with which other services verify tokens."""
