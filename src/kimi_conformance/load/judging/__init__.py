"""From samples to a load record: pure, and the same for whoever asks again."""
