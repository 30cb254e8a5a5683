"""What a run notes, as a file that outlives it: written, read, put together, handed on."""
