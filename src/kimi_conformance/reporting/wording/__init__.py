"""How numbers, times, states and texts from outside are written for people."""
