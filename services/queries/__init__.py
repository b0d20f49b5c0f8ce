"""The read side: what the views and the ledger hold, as rows and values that any process can present."""
