"""
Makes this folder the one that tests name their helpers from: `tests.history.memories`.

Only a checkout has it. Checks are set up by `conformance/conftest.py`, which a wheel carries too;
they are run with that folder as their root, so that nothing here can change a verdict.
"""
