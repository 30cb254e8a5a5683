"""
Load tests: Locust drives them, our own samples judge them.

Scenarios take `KimiUser` and `Stages` from here. Both need Locust, which patches the
standard library when it is imported; so they are imported only when somebody asks for them,
and `kimi_conformance.load.launch`, which starts a run in a process of its own, can be used
from any other.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kimi_conformance.load.arrivals import Constant, Poisson, read_trace
    from kimi_conformance.load.stages import Stages
    from kimi_conformance.load.users import KimiUser

__all__ = ["Constant", "KimiUser", "Poisson", "Stages", "read_trace"]

_MODULES = {
    "Constant": "arrivals",
    "KimiUser": "users",
    "Poisson": "arrivals",
    "Stages": "stages",
    "read_trace": "arrivals",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
