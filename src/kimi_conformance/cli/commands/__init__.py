"""The commands, one a module: what each is asked, and in which order it has that done."""
