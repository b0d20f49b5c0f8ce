"""Dispatch of requests to operations, and responses."""
