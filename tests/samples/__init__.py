"""Valid data for tests: events, raw logins, request bodies, error bodies and searches.

Nothing here starts a server. A function returns a complete, valid value; a test overrides what it is about.
"""
