"""The OpenAI SDK for Python, any version: by the bridge that the suite uses in its own process."""

import openai

from kimi_conformance.adapters.openai_python import OpenAIAdapter
from kimi_conformance.adapters.protocol import Binding

__all__ = ["open_client"]


def open_client(binding: Binding) -> OpenAIAdapter:
    """The SDK of this environment."""
    return OpenAIAdapter(openai, binding)
