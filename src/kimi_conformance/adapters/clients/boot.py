"""
Starts a Python bridge: `ENVIRONMENT/bin/python -I boot.py NAME VERSION BRIDGE CLAIM,CLAIM,…`.

It runs in the client's own environment, which has none of this package's dependencies, and
is to stay so: only the package itself is made importable, from where it stands. What is
imported of it (the protocol, and what serves it) needs the standard library only.
"""

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[2]


def make_importable(package: Path) -> None:
    """Let a package be imported, and nothing that stands beside it."""
    spec = importlib.util.spec_from_file_location(
        package.name, package / "__init__.py", submodule_search_locations=[str(package)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[package.name] = module
    spec.loader.exec_module(module)


def main(name: str, version: str, bridge: str, claims: str) -> None:
    """Serve the clients that this bridge opens, under this name."""
    sys.dont_write_bytecode = True
    make_importable(PACKAGE)
    out = os.dup(1)
    os.dup2(2, 1)  # standard output belongs to the protocol, and some clients greet with it
    found = importlib.import_module(f"{PACKAGE.name}.adapters.clients.bridges.{bridge}")
    os.dup2(out, 1)
    os.close(out)
    serve = importlib.import_module(f"{PACKAGE.name}.adapters.process.serve")

    def open_adapter(binding: Any) -> Any:
        client = found.open_client(binding)
        client.name, client.version, client.capabilities = name, version, claims.split(",")
        return client

    serve.main(open_adapter)
    os._exit(0)  # all clients are closed; taking a large library apart would take seconds


if __name__ == "__main__":
    main(*sys.argv[1:])
