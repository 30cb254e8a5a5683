"""The table of all faults, and switches that turn one on."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from kimi_conformance.errors import UsageError, nearest
from kimi_conformance.simulator.faults.batches import BATCHES
from kimi_conformance.simulator.faults.benign import BENIGN
from kimi_conformance.simulator.faults.cache_life import CACHE_LIFE
from kimi_conformance.simulator.faults.cache_tags import CACHE_TAGS
from kimi_conformance.simulator.faults.caching import CACHING
from kimi_conformance.simulator.faults.calls import CALLS
from kimi_conformance.simulator.faults.completions import COMPLETIONS
from kimi_conformance.simulator.faults.fault import Fault, Parameters
from kimi_conformance.simulator.faults.files import FILES
from kimi_conformance.simulator.faults.formulas import FORMULAS
from kimi_conformance.simulator.faults.messages import MESSAGES
from kimi_conformance.simulator.faults.models import MODELS
from kimi_conformance.simulator.faults.noticed import NOTICED
from kimi_conformance.simulator.faults.outages import OUTAGES
from kimi_conformance.simulator.faults.prompts import PROMPTS
from kimi_conformance.simulator.faults.refusals import REFUSALS
from kimi_conformance.simulator.faults.services import SERVICES
from kimi_conformance.simulator.faults.streams import STREAMS
from kimi_conformance.simulator.faults.thinking import THINKING
from kimi_conformance.simulator.faults.transport import TRANSPORT
from kimi_conformance.wire.exchange import Request

__all__ = ["FAULTS", "FaultSwitch", "parse_switch"]

T = TypeVar("T")

FAULTS: Mapping[str, Fault] = {
    fault.name: replace(fault, breaks=fault.breaks | NOTICED.get(fault.name, frozenset()))
    for fault in (
        *TRANSPORT,
        *OUTAGES,
        *REFUSALS,
        *MODELS,
        *COMPLETIONS,
        *CALLS,
        *STREAMS,
        *CACHING,
        *CACHE_LIFE,
        *CACHE_TAGS,
        *PROMPTS,
        *SERVICES,
        *FILES,
        *BATCHES,
        *FORMULAS,
        *MESSAGES,
        *THINKING,
        *BENIGN,
    )
}
"""Every fault and every benign variant by name."""


@dataclass(frozen=True, slots=True)
class FaultSwitch:
    """A fault that is on.

    Attributes:
        fault: Which.
        probability: That it strikes a request, 0.0 to 1.0; the seed decides.
        nth: The only request that it may strike, counted from 1 over those that the fault
            touches; None: any.
        path: The only path that it may strike and that is counted; None: any.
        parameters: Of the fault, in place of its defaults.

    Raises:
        UsageError: The probability or `nth` is out of range, or the fault has no such
            parameter.
    """

    fault: Fault
    probability: float = 1.0
    nth: int | None = None
    path: str | None = None
    parameters: Parameters = field(default_factory=dict)

    def __post_init__(self) -> None:
        name = self.fault.name
        if not 0 <= self.probability <= 1:
            raise UsageError(f"Fault {name}: p is {self.probability}, not between 0 and 1.")
        if self.nth is not None and self.nth < 1:
            raise UsageError(f"Fault {name}: nth is {self.nth}; requests are counted from 1.")
        for key in self.parameters:
            if key not in self.fault.defaults:
                known = nearest(key, [*self.fault.defaults, "p", "nth", "path"])
                raise UsageError(f"Fault {name} has no parameter '{key}'. {known}")

    @property
    def settings(self) -> Parameters:
        """All parameters of the fault."""
        return {**self.fault.defaults, **self.parameters}

    def touches(self, request: Request) -> bool:
        """Whether the request counts."""
        return (self.path is None or request.path == self.path) and self.fault.touches(request)

    def strikes(self, count: int, seed: int) -> bool:
        """Whether it strikes the request of this number among those that it touches."""
        if self.nth is not None and count != self.nth:
            return False
        return self.probability >= 1 or self._chance(count, seed) < self.probability

    def _chance(self, count: int, seed: int) -> float:
        text = f"{seed}/{self.fault.name}/{count}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") / 2**64


def parse_switch(text: str) -> FaultSwitch:
    """Read a switch as the command line has it.

    >>> parse_switch("server_error:p=0.02,nth=3").probability
    0.02

    Raises:
        UsageError: There is no such fault or parameter, or a value is not of its kind.
    """
    name, _, rest = text.strip().partition(":")
    if name not in FAULTS:
        raise UsageError(
            f"There is no fault '{name}'. {nearest(name, FAULTS)} All: kimi-conformance faults"
        )
    fault = FAULTS[name]
    given: dict[str, str] = {}
    for item in filter(None, rest.split(",")):
        key, equals, value = item.partition("=")
        if not equals:
            raise UsageError(f"Fault {name}: '{item}' is not of the form name=value.")
        given[key.strip()] = value.strip()
    probability, nth, path = given.pop("p", "1"), given.pop("nth", None), given.pop("path", None)
    return FaultSwitch(
        fault,
        probability=_read(name, "p", probability, float),
        nth=None if nth is None else _read(name, "nth", nth, int),
        path=path,
        parameters={
            key: _read(name, key, value, type(fault.defaults.get(key, "")))
            for key, value in given.items()
        },
    )


def _read(name: str, key: str, value: str, kind: Callable[[str], T]) -> T:
    try:
        return kind(value)
    except ValueError:
        raise UsageError(f"Fault {name}: {key} is '{value}', not a number.") from None
