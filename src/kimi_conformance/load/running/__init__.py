"""Runs, in one process or several: started, watched, measured, ended."""
