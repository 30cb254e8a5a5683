"""
The methods of the protocol: those of the capabilities' Protocols, read from these.

Nothing is written down twice: name, parameters and result of a message follow from the
signature of the method that it stands for.
"""

import collections.abc
import inspect
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from kimi_conformance.adapters import protocol
from kimi_conformance.adapters.process.shapes import Shape, shape_of

__all__ = ["METHODS", "PROTOCOL", "SESSION_METHODS", "Method"]

PROTOCOL = "1.0"

_BY_CAPABILITY: Mapping[str, type] = {
    "models": protocol.ListsModels,
    "models_sync": protocol.ListsModelsSync,
    "model_fetch": protocol.FetchesModels,
    "key_check": protocol.ChecksKey,
    "handles": protocol.NamesHandles,
    "handle_resolution": protocol.ResolvesHandles,
    "providers": protocol.ProvidesModels,
    "chat": protocol.Chats,
    "streaming": protocol.StreamsChat,
    "error_handler": protocol.HandlesErrors,
    "tool_calls": protocol.CallsTools,
    "structured_output": protocol.StructuresOutput,
    "embeddings": protocol.ListsEmbeddings,
    "embeddings_sync": protocol.ListsEmbeddingsSync,
    "other_providers": protocol.ServesProviders,
    "default_model": protocol.ChoosesModels,
    "config_cache": protocol.CachesConfigs,
    "diagnosis": protocol.Diagnoses,
    "hot_reload": protocol.ReloadsSettings,
    "model_overrides": protocol.ConfiguresModels,
    "model_choice": protocol.SuggestsModels,
    "model_comparison": protocol.ComparesModels,
    "telemetry": protocol.ReportsEvents,
    "tracing": protocol.TracesCalls,
    "usage_statistics": protocol.CountsUsage,
    "offline": protocol.WorksOffline,
    "model_switch": protocol.SwitchesModels,
    "context_cache": protocol.CachesContext,
    "application": protocol.RunsApplication,
}
# They look like the calls that wait for nothing, and send a request all the same.
_SLOW = frozenset({"list_models_sync", "list_embedding_models_sync"})


@dataclass(frozen=True)
class Method:
    """One method of a capability.

    Attributes:
        name: As in the message: "chat", "session.chat".
        capability: Who claims this has the method.
        kind: "call" (a coroutine), "sync", "read" (a property) or "stream".
    """

    name: str
    capability: str
    kind: str
    signature: inspect.Signature
    hints: Mapping[str, Any]

    @property
    def attribute(self) -> str:
        """The method's name on its object: "chat"."""
        return self.name.rpartition(".")[2]

    @property
    def is_slow(self) -> bool:
        """Whether it may send requests before it answers."""
        return self.kind in {"call", "stream"} or self.name in _SLOW

    @cached_property
    def parameters(self) -> Mapping[str, Shape]:
        """By name, in order."""
        return {name: shape_of(self.hints[name]) for name in self.signature.parameters}

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The names of the parameters that have no default."""
        given = self.signature.parameters.values()
        return tuple(each.name for each in given if each.default is inspect.Parameter.empty)

    @cached_property
    def result(self) -> Shape:
        """What it gives; of a stream, each chunk."""
        annotation = self.hints["return"]
        if self.kind == "stream":
            [annotation] = typing.get_args(annotation)
        return shape_of(annotation)


def _methods_of(interface: type, capability: str, prefix: str = "") -> Mapping[str, Method]:
    found = {}
    for name, member in vars(interface).items():
        function = member.fget if isinstance(member, property) else member
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        signature = inspect.signature(function)
        hints = typing.get_type_hints(function)
        found[prefix + name] = Method(
            name=prefix + name,
            capability=capability,
            kind=_kind(member, hints["return"]),
            signature=signature.replace(parameters=list(signature.parameters.values())[1:]),
            hints=hints,
        )
    return found


def _kind(member: Any, returned: Any) -> str:
    if isinstance(member, property):
        return "read"
    if inspect.iscoroutinefunction(member):
        return "call"
    streams = typing.get_origin(returned) is collections.abc.AsyncIterator
    return "stream" if streams else "sync"


METHODS: Mapping[str, Method] = {
    name: method
    for capability, interface in _BY_CAPABILITY.items()
    for name, method in _methods_of(interface, capability).items()
}
SESSION_METHODS = _methods_of(protocol.CachingSession, "context_cache", "session.")
