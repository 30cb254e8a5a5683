"""
Clients that others publish, judged as they come from their registry.

- `clients.toml` and `catalogue` say which, and what their documentation claims;
- `installers` and `environments` give each an environment of its own;
- `bridges/` has what speaks for each, in its own environment, over the process protocol:
  `boot` starts those in Python, those in JavaScript stand alone.
"""
