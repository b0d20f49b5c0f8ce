"""How far processes have come and whether they live: positions, generations, epochs, heartbeats."""
