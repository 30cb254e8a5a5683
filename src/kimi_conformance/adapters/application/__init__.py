"""
A finished application as an adapter: judged by what it sends and what it prints.

`program` runs one and keeps what it said; `adapter` is what a check sees.
"""

from kimi_conformance.adapters.application.adapter import command_factory
from kimi_conformance.adapters.application.program import environment_of, run_program

__all__ = ["command_factory", "environment_of", "run_program"]
