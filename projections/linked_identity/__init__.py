"""Identities of people besides their first one, so that a person is found by each of them and by their
identifiers."""
