"""The checks of endpoints."""
