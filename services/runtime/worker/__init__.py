"""The worker loop: reading batches, isolating bad records, positions and the watchdog."""
