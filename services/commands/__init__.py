"""The write side: commands are decided by pure functions and appended as events."""
