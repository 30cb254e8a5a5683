"""
Finds an adapter by what the user called it.

    reference            an entry point of the group "kimi_conformance.adapters"
    package.module:name  a factory in any importable module, or a class of documented providers
    mutant:NAME          the reference adapter, wrong on purpose
    vacuum:NAME          an adapter that does nothing
    process:COMMAND      a program that speaks JSON lines, see docs/process-adapter.md
    command:COMMAND      a finished application that prints answers, see docs/application.md
    litellm              a client with an environment of its own, see "adapters list"
"""

import importlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from kimi_conformance.adapters.clients.catalogue import clients
from kimi_conformance.adapters.clients.environments import Environments
from kimi_conformance.adapters.protocol import AdapterFactory
from kimi_conformance.adapters.provider_object import is_provider, provider_factory
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
    if kind == "process":
        from kimi_conformance.adapters.process import process_factory

        return process_factory(name)
    if kind == "command":
        from kimi_conformance.adapters.application import command_factory

        return command_factory(name)
    if not name:
        return _by_entry_point(spec)
    return _by_path(spec, kind, name)


def _by_entry_point(spec: str) -> AdapterFactory:
    offered, published = installed(), clients()
    if spec in published and spec not in offered:
        from kimi_conformance.adapters.process import process_factory

        return process_factory(Environments.of_user().command(published[spec]))
    if spec not in offered:
        raise UsageError(
            f"There is no adapter '{spec}'. {nearest(spec, [*offered, *published])} Your own is "
            "named by its factory: --adapter package.module:open_adapter"
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
    if is_provider(factory):
        return provider_factory(factory)
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
