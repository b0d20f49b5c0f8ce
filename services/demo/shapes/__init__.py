"""Builders of claims as providers return them."""
