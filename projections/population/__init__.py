"""How many people each tenant has, counted."""
