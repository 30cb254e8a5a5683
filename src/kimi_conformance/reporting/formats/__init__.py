"""From view data to files: pages, summaries, and what tools of others read."""
