"""What speaks for each client: it hands calls on and repairs nothing."""
