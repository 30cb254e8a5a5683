"""What commands are asked for: options, targets, limits, and which run is meant."""
