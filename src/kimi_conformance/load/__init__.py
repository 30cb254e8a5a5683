"""
Load tests: Locust drives them, our own samples judge them.

Scenarios take `KimiUser` and `Stages` from here. Both need Locust, which patches the
standard library when it is imported; so they are imported only when somebody asks for them,
and `kimi_conformance.load.running.launch`, which starts a run in a process of its own, can be used
from any other.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kimi_conformance.load.client.retries import Retries
    from kimi_conformance.load.client.texts import FRESH, text_of
    from kimi_conformance.load.samples.records import ErrorClass
    from kimi_conformance.load.users.adapter_user import AdapterUser
    from kimi_conformance.load.users.arrivals import Constant, Poisson
    from kimi_conformance.load.users.climb import Ladder
    from kimi_conformance.load.users.kimi_user import KimiUser
    from kimi_conformance.load.users.options import option
    from kimi_conformance.load.users.search import Search
    from kimi_conformance.load.users.stages import Part, Stages
    from kimi_conformance.load.users.trace import read_trace

__all__ = [
    "FRESH",
    "AdapterUser",
    "Constant",
    "ErrorClass",
    "KimiUser",
    "Ladder",
    "Part",
    "Poisson",
    "Retries",
    "Search",
    "Stages",
    "option",
    "read_trace",
    "text_of",
]

_MODULES = {
    "FRESH": "client.texts",
    "AdapterUser": "users.adapter_user",
    "Constant": "users.arrivals",
    "ErrorClass": "samples.records",
    "KimiUser": "users.kimi_user",
    "Ladder": "users.climb",
    "Part": "users.stages",
    "Poisson": "users.arrivals",
    "Retries": "client.retries",
    "Search": "users.search",
    "Stages": "users.stages",
    "option": "users.options",
    "read_trace": "users.trace",
    "text_of": "client.texts",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
