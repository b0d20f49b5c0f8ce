"""Payloads as providers return them."""
