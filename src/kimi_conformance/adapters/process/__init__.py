"""
A client in any language as an adapter: a process that speaks JSON lines.

- `shapes` says how values cross, `methods` which methods there are (both from the Protocols
  in `adapters.protocol`), `thrown` how errors cross;
- `command` is what a user typed, `connection` one running process, `call` a message to it and
  its replies, `lines` their form, `guard` and `strays` end what is left;
- `adapter` is what a check sees, `answering` serves what the process asks back;
- `serve` puts a Python adapter at the other end, `messages` is the protocol's JSON Schema,
  and `verify`, by `samples`, tells an author what is wrong.
"""

from kimi_conformance.adapters.process.adapter import process_factory
from kimi_conformance.adapters.process.methods import PROTOCOL

__all__ = ["PROTOCOL", "process_factory"]
