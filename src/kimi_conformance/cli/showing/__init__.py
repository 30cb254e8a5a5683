"""What a command says: to people, to machines, and to the runner of a CI system."""
