"""How much the fast tests notice: see `tests/README.md`."""
