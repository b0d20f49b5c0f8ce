"""Field types, pages and results that several groups of operations share."""
