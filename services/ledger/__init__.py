"""The migrated tables of the schema `ledger`: one module and one `.sql` file each."""
