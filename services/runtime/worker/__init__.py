"""The loop of every worker: intake of batches, isolation of bad records, positions, the watchdog."""
