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
    from kimi_conformance.load.adapter_user import AdapterUser
    from kimi_conformance.load.arrivals import Constant, Poisson
    from kimi_conformance.load.climb import Ladder
    from kimi_conformance.load.options import option
    from kimi_conformance.load.retries import Retries
    from kimi_conformance.load.samples import ErrorClass
    from kimi_conformance.load.search import Search
    from kimi_conformance.load.stages import Part, Stages
    from kimi_conformance.load.texts import FRESH, text_of
    from kimi_conformance.load.trace import read_trace
    from kimi_conformance.load.users import KimiUser

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
    "FRESH": "texts",
    "AdapterUser": "adapter_user",
    "Constant": "arrivals",
    "ErrorClass": "samples",
    "KimiUser": "users",
    "Ladder": "climb",
    "Part": "stages",
    "Poisson": "arrivals",
    "Retries": "retries",
    "Search": "search",
    "Stages": "stages",
    "option": "options",
    "read_trace": "trace",
    "text_of": "texts",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
