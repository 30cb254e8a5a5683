"""A small client of the Kimi API."""
