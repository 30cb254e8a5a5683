"""
Adapters that do nothing, in three ways.

No check may pass with one of them: a check that does has asserted nothing.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from kimi_conformance.adapters.protocol import CAPABILITIES, AdapterFactory, Binding

__all__ = ["VACUUMS"]


class _Vacuum:
    """Claims everything and serves every method in the same empty way."""

    version = "0"
    capabilities = tuple(CAPABILITIES)

    def __init__(self, name: str, serve: Callable[[], Any]) -> None:
        self.name = f"vacuum:{name}"
        self._serve = serve

    async def aclose(self) -> None:
        """Nothing to release."""

    async def list_models(self) -> Any:
        return self._serve()

    def list_models_sync(self) -> Any:
        return self._serve()

    async def fetch_models(self) -> Any:
        return self._serve()

    async def check_key(self) -> Any:
        return self._serve()

    def get_handle(self, *_: Any, **__: Any) -> Any:
        return self._serve()

    async def resolve(self, _: str) -> Any:
        return self._serve()

    async def list_providers(self, *_: Any) -> Any:
        return self._serve()

    async def chat(self, _: Any) -> Any:
        return self._serve()

    async def stream(self, _: Any) -> AsyncIterator[Any]:
        served = self._serve()
        for nothing in served or ():
            yield nothing

    def handle_llm_error(self, _: Exception) -> Any:
        return self._serve()

    async def chat_with_tools(self, *_: Any) -> Any:
        return self._serve()

    def supports_structured_output(self, _: Any) -> Any:
        return self._serve()

    async def list_embedding_models(self) -> Any:
        return self._serve()

    def list_embedding_models_sync(self) -> Any:
        return self._serve()

    async def bring_provider(self, _: Any) -> Any:
        return self._serve()

    async def models_of(self, _: str) -> Any:
        return self._serve()

    async def config_of(self, *_: Any, **__: Any) -> Any:
        return self._serve()

    async def model_for(self, *_: Any, **__: Any) -> Any:
        return self._serve()

    async def diagnosis(self) -> Any:
        return self._serve()

    async def configure_model(self, *_: Any) -> Any:
        return self._serve()

    async def suggest_models(self, **_: Any) -> Any:
        return self._serve()

    def compare_models(self) -> Any:
        return self._serve()

    def reload(self, _: Any) -> Any:
        return self._serve()

    def events(self) -> Any:
        return self._serve()

    def trace_with(self, _: Any) -> Any:
        return self._serve()

    def usage(self) -> Any:
        return self._serve()

    def go_offline(self) -> Any:
        return self._serve()

    def go_online(self) -> Any:
        return self._serve()

    @property
    def current_model(self) -> Any:
        return None

    async def switch_model(self, _: str) -> Any:
        return self._serve()

    async def ask(self, _: Any) -> Any:
        return self._serve()

    def session(self, _: str) -> Any:
        return self

    async def run_application(self, _: str) -> Any:
        return self._serve()

    @property
    def cache_id(self) -> Any:
        return None


class VacuumError(Exception):
    """What an adapter raises that fails at everything."""


def _fail() -> Any:
    raise VacuumError("this adapter fails at everything")


def _factory(name: str, serve: Callable[[], Any]) -> AdapterFactory:
    def open_adapter(_: Binding) -> _Vacuum:
        return _Vacuum(name, serve)

    return open_adapter


VACUUMS: Mapping[str, AdapterFactory] = {
    "returns-none": _factory("returns-none", lambda: None),
    "returns-empty": _factory("returns-empty", list),
    "fails": _factory("fails", _fail),
}
