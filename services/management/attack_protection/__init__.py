"""Attack protection and the blocks it sets."""
