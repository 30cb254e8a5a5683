"""With what `verify` tries each method."""

from collections.abc import Mapping
from typing import Any

from kimi_conformance.adapters.process.methods import METHODS, SESSION_METHODS
from kimi_conformance.adapters.protocol import ChatRequest

__all__ = ["KEY", "samples_for"]

KEY = "sk-placeholder"


class _Silent:
    """A tracer of spans that nobody looks at."""

    def start_span(self, name: str) -> "_Silent":  # noqa: ARG002
        return self

    def end(self, end_time: int | None = None) -> None:
        """Nothing to do."""


def samples_for(base_url: str, model: str) -> Mapping[str, Mapping[str, Any]]:
    """With what each method is tried, by its name."""
    messages = [{"role": "user", "content": "Hello"}]
    request = ChatRequest(model=model, messages=messages)
    parameters = {"type": "object", "properties": {"q": {"type": "string"}}}
    search = {"type": "function", "function": {"name": "search", "parameters": parameters}}
    with_tools = ChatRequest(model=model, messages=messages, tools=[search])
    handle = {"handle": f"kimi/{model}"}
    given: dict[str, Mapping[str, Any]] = {
        "chat": {"request": request},
        "stream": {"request": request},
        "session.chat": {"request": request},
        "resolve": handle,
        "config_of": handle,
        "switch_model": handle,
        "get_handle": {"model_name": model},
        "list_providers": {"categories": ["base"]},
        "handle_llm_error": {"error": RuntimeError("out of the blue")},
        "chat_with_tools": {"request": with_tools, "call_tool": lambda *_: "nothing found"},
        "supports_structured_output": {"model": model},
        "bring_provider": {
            "fields": {
                "name": "mine",
                "provider_type": "kimi",
                "provider_category": "byok",
                "api_key": KEY,
                "base_url": base_url,
            }
        },
        "models_of": {"provider": "mine"},
        "reload": {"environment": {"KIMI_API_KEY": KEY, "KIMI_BASE_URL": base_url}},
        "configure_model": {**handle, "settings": {"max_tokens": 512}},
        "suggest_models": {"context_window": 8192},
        "trace_with": {"tracer": _Silent()},
        "ask": {"messages": messages},
        "session": {"session_id": "session-1"},
        "run_application": {"prompt": "Hello"},
    }
    return {name: given.get(name, {}) for name in (*METHODS, *SESSION_METHODS)}
