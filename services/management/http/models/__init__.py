"""Field types, pages and results that several families of operations share."""
