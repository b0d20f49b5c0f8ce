"""`vita status`: whether every part works and how far behind it is."""
