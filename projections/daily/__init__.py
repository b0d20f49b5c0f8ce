"""What happened on each day, counted."""
