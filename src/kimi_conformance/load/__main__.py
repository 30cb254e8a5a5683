"""`python -m kimi_conformance.load`; Locust patches the standard library first of all."""

import sys

import locust  # noqa: F401

from kimi_conformance.load.running.run import main

if __name__ == "__main__":
    sys.exit(main())
