"""Conformance and load tests for the Moonshot Kimi API and for the clients that speak to it."""

__all__ = ["__version__"]

__version__ = "0.1.0"
