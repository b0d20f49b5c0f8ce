"""What the logs tell: one entry or more for everything that happened."""
