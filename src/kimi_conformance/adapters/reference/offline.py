"""The offline switch: while it is on, nothing leaves this client."""

from kimi_conformance.adapters.reference.errors import LLMError
from kimi_conformance.http import httpx, ssl_context

__all__ = ["Gate", "OfflineError"]


class OfflineError(LLMError):
    """The client has been switched offline, so nothing was sent."""


class Gate(httpx.AsyncBaseTransport):
    """Carries requests, unless it is shut.

    Args:
        transport: What carries them, or None: the network.

    Attributes:
        shut: Whether the client is offline.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.shut = False
        self._transport = transport or httpx.AsyncHTTPTransport(verify=ssl_context())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request on.

        Raises:
            OfflineError: The gate is shut.
        """
        if self.shut:
            raise OfflineError(
                f"Error: the client is offline, so {request.method} {request.url.path} was not "
                "sent. Switch it back with go_online()."
            )
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()
