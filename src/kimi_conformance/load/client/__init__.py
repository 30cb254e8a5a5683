"""How a request goes out and its answer comes in: bytes, times, and what they amount to."""
