"""
The vocabulary of a check: everything that files under `conformance/` import.

A check is a pytest function bound to one requirement. On the endpoint plane it is given an
`endpoint` and speaks raw HTTP to it; on the adapter plane it is given an `adapter`, and
either an `upstream` whose answers it writes itself or a `service`, the API as the lane of
the run provides it (a recording, the simulator, or a live endpoint).
"""

from kimi_conformance.adapters.failures import Failure, failing, failure_of
from kimi_conformance.adapters.protocol import (
    Adapter,
    Binding,
    CachesConfigs,
    CachesContext,
    CachingSession,
    CallsTools,
    ChatRequest,
    Chats,
    ChecksKey,
    ChoosesModels,
    Chunk,
    Completion,
    CountsUsage,
    Diagnoses,
    Event,
    FetchesModels,
    HandlesErrors,
    ListsEmbeddings,
    ListsEmbeddingsSync,
    ListsModels,
    ListsModelsSync,
    ModelConfig,
    NamesHandles,
    Provider,
    ProvidesModels,
    ReloadsSettings,
    ReportsEvents,
    ResolvesHandles,
    ServesProviders,
    Span,
    StreamsChat,
    StructuresOutput,
    SwitchesModels,
    Tracer,
    TracesCalls,
    UsageTotals,
    WorksOffline,
)
from kimi_conformance.checks.caches import ready_cache
from kimi_conformance.checks.endpoint import (
    GREETING,
    WRONG_KEY,
    Endpoint,
    Reply,
    StreamedChunk,
    aggregate,
)
from kimi_conformance.checks.inputs import read_input
from kimi_conformance.checks.listed import DOCUMENTED_WINDOWS, announced, ids
from kimi_conformance.checks.marks import requirement
from kimi_conformance.checks.opening import OpenAdapter
from kimi_conformance.checks.upstream import FakeClock, Service, Upstream
from kimi_conformance.editions import Edition
from kimi_conformance.stage import replies
from kimi_conformance.verdicts import InconclusiveError
from kimi_conformance.wire.exchange import Answer, Ending, Exchange, Frame, Request

__all__ = [
    "DOCUMENTED_WINDOWS",
    "GREETING",
    "WRONG_KEY",
    "Adapter",
    "Answer",
    "Binding",
    "CachesConfigs",
    "CachesContext",
    "CachingSession",
    "CallsTools",
    "ChatRequest",
    "Chats",
    "ChecksKey",
    "ChoosesModels",
    "Chunk",
    "Completion",
    "CountsUsage",
    "Diagnoses",
    "Edition",
    "Ending",
    "Endpoint",
    "Event",
    "Exchange",
    "Failure",
    "FakeClock",
    "FetchesModels",
    "Frame",
    "HandlesErrors",
    "InconclusiveError",
    "ListsEmbeddings",
    "ListsEmbeddingsSync",
    "ListsModels",
    "ListsModelsSync",
    "ModelConfig",
    "NamesHandles",
    "OpenAdapter",
    "Provider",
    "ProvidesModels",
    "ReloadsSettings",
    "Reply",
    "ReportsEvents",
    "Request",
    "ResolvesHandles",
    "ServesProviders",
    "Service",
    "Span",
    "StreamedChunk",
    "StreamsChat",
    "StructuresOutput",
    "SwitchesModels",
    "Tracer",
    "TracesCalls",
    "Upstream",
    "UsageTotals",
    "WorksOffline",
    "aggregate",
    "announced",
    "failing",
    "failure_of",
    "ids",
    "read_input",
    "ready_cache",
    "replies",
    "requirement",
]
