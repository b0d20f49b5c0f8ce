"""Attack protection: blocks released, and throttling recorded."""
