"""Charts as geometry: axes, marks and bars, with the numbers beside."""
