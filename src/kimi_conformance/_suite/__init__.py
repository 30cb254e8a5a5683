"""The content of an installation: what a wheel carries of the folders beside `src`."""
