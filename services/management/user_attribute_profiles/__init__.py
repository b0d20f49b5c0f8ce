"""User attribute profiles."""
