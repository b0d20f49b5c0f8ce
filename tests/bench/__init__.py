"""Benchmarks of every hop and of the whole chain, beside the limits of the machine, in one run."""
