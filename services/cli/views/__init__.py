"""Commands about the views and their generations."""
