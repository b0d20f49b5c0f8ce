"""Attack protection and its blocks."""
