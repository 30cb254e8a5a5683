"""Opens adapters: somebody else's code, which may raise, wait for ever, or give something else."""

import threading
from typing import Any

from kimi_conformance.adapters.protocol import Adapter, Binding
from kimi_conformance.adapters.registry import factory_of
from kimi_conformance.errors import AdapterError

__all__ = ["PLACEHOLDER_KEY", "Adapters"]

PLACEHOLDER_KEY = "sk-placeholder"  # all that a SUT, a cassette or a log ever sees


class Adapters:
    """Opens the adapters of a session.

    Args:
        time_limit: Seconds that a factory may take.
    """

    def __init__(self, time_limit: float) -> None:
        self._time_limit = time_limit
        self._probed: dict[str, Adapter | AdapterError] = {}

    def info(self, spec: str) -> Adapter:
        """The adapter, opened once without asking it anything, for its name and claims.

        Raises:
            AdapterError: Its factory raised or did not come back; said once, kept for all.
        """
        if spec not in self._probed:
            nowhere = Binding(base_url="http://127.0.0.1:9/v1", api_key=PLACEHOLDER_KEY)
            try:
                self._probed[spec] = self.open(spec, nowhere)
            except AdapterError as error:
                self._probed[spec] = error
        found = self._probed[spec]
        if isinstance(found, AdapterError):
            raise found
        return found

    def open(self, spec: str, binding: Binding) -> Adapter:
        """A new adapter.

        Raises:
            AdapterError: Its factory raised or did not come back in time.
        """
        factory = factory_of(spec)
        result: list[Any] = []

        def build() -> None:
            try:
                result.append(factory(binding))
            except Exception as error:  # noqa: BLE001 - it is somebody else's code
                result.append(error)

        if spec in self._probed and not isinstance(self._probed[spec], AdapterError):
            build()  # it came back once: no thread needed
        else:
            thread = threading.Thread(target=build, name=f"open {spec}", daemon=True)
            thread.start()
            thread.join(self._time_limit)
        if not result:
            raise AdapterError(
                f"The factory of adapter '{spec}' did not come back within "
                f"{self._time_limit:g} s. Does it wait for something?"
            )
        if isinstance(result[0], Exception):
            error = result[0]
            raise AdapterError(
                f"The factory of adapter '{spec}' raised {type(error).__name__}: {error}"
            ) from error
        adapter: Adapter = result[0]
        missing = [
            name
            for name in ("name", "version", "capabilities", "aclose")
            if not hasattr(adapter, name)
        ]
        if missing:
            raise AdapterError(
                f"What the factory of '{spec}' returned is no adapter: it lacks "
                f"{', '.join(missing)}."
            )
        return adapter
