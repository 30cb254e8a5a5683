"""What outlives a command: folders of runs, the history, and what is read off both."""
