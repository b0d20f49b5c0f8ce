"""Formats of single values: identifiers, instants, positions, exact JSON, and what text may hold."""
