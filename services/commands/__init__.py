"""The write side: what a request changes, decided by pure functions and appended as events."""
