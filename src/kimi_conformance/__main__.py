"""`python -m kimi_conformance` is the command `kimi-conformance`."""

from kimi_conformance.cli import main

if __name__ == "__main__":
    main()
