"""`vita config`: every variable that a service reads."""
