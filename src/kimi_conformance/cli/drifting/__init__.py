"""Recordings being held against what is answered now."""
