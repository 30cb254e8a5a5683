"""Checks being run, recordings being played, and evidence being judged again."""
