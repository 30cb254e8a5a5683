"""The checks of clients."""
