"""Who asks, when, and for what: the words that scenarios are written in."""
