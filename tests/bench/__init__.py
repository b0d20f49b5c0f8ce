"""How fast it is: every hop and the whole chain beside the bare ceilings of the same machine, in one run."""
