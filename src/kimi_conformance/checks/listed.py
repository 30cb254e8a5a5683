"""The documents' table of models, and what checks read from a client besides its answers."""

from collections.abc import Iterable, Mapping

import pytest

from kimi_conformance.adapters.protocol import ModelConfig

__all__ = ["DOCUMENTED_WINDOWS", "announced", "ids"]

DOCUMENTED_WINDOWS: Mapping[str, int] = {
    "moonshot-v1-8k": 8192,
    "moonshot-v1-32k": 32768,
    "moonshot-v1-128k": 131072,
    "kimi-k2-0905-preview": 262144,
    "kimi-k2-0711-preview": 131072,
    "kimi-k2-turbo-preview": 262144,
    "kimi-thinking-preview": 131072,
    "kimi-latest": 131072,
}
"""Context windows in tokens, by model, as the Letta guides have them (2.1 and 3.1.2)."""


def ids(models: Iterable[ModelConfig]) -> list[str]:
    """The ids of a client's models, in its order."""
    return [model.id for model in models]


def announced(recwarn: pytest.WarningsRecorder, caplog: pytest.LogCaptureFixture) -> str:
    """All that a client warned of, by Python warnings or in its log, one a line."""
    warned = [str(warning.message) for warning in recwarn]
    logged = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    return "\n".join([*warned, *logged])
