"""
Finds an adapter by what the user called it.

    reference            an entry point of the group "kimi_conformance.adapters"
    package.module:name  a factory in any importable module
    mutant:NAME          the reference adapter, wrong on purpose
    vacuum:NAME          an adapter that does nothing
"""

import importlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from kimi_conformance.adapters.protocol import AdapterFactory
from kimi_conformance.errors import UsageError, nearest

__all__ = ["GROUP", "factory_of", "installed"]

GROUP = "kimi_conformance.adapters"


@cache
def installed() -> Mapping[str, EntryPoint]:
    """The adapters that installed packages offer, by name; looked up once a process."""
    return {point.name: point for point in sorted(entry_points(group=GROUP))}


def factory_of(spec: str) -> AdapterFactory:
    """The factory behind a name.

    Raises:
        UsageError: There is no such adapter, or its module cannot be imported.
    """
    kind, _, name = spec.partition(":")
    if kind in {"mutant", "vacuum"}:
        return _wrong_on_purpose(kind, name)
    if not name:
        return _by_entry_point(spec)
    return _by_path(spec, kind, name)


def _by_entry_point(spec: str) -> AdapterFactory:
    offered = installed()
    if spec not in offered:
        raise UsageError(
            f"There is no adapter '{spec}'. {nearest(spec, offered)} Your own is named by "
            "its factory: --adapter package.module:open_adapter"
        )
    return _by_path(spec, *offered[spec].value.split(":", 1))


def _by_path(spec: str, module: str, attribute: str) -> AdapterFactory:
    try:
        factory = getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        raise UsageError(
            f"The adapter '{spec}' cannot be imported: {error}. Is its package installed, and "
            "is its folder on PYTHONPATH?"
        ) from error
    except AttributeError:
        names = [name for name in vars(importlib.import_module(module)) if name[0] != "_"]
        raise UsageError(
            f"The module '{module}' has no '{attribute}'. {nearest(attribute, names)}"
        ) from None
    if not callable(factory):
        raise UsageError(f"The adapter '{spec}' is no factory: it cannot be called.")
    found: AdapterFactory = factory
    return found


def _wrong_on_purpose(kind: str, name: str) -> AdapterFactory:
    from kimi_conformance.adapters import mutants, vacuum

    offered = mutants.MUTANTS if kind == "mutant" else vacuum.VACUUMS
    if name not in offered:
        raise UsageError(f"There is no {kind} '{name}'. {nearest(name, offered)}")
    return offered[name]
