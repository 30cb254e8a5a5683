"""What kimi-conformance is told about the client."""

from kimi_conformance.adapters import Binding, ChatRequest, Completion
from sample_client.client import Client


class MyAdapter:
    """Hands each call on to the client."""

    name, version = "sample-client", "2.1"
    capabilities = frozenset({"chat"})

    def __init__(self, binding: Binding) -> None:
        self._client = Client(
            binding.base_url or "https://api.moonshot.ai/v1",
            binding.api_key or "",
            binding.patience or 30.0,
        )

    async def chat(self, request: ChatRequest) -> Completion:
        """Send the request and wait for the whole answer."""
        tools = {"tools": list(request.tools)} if request.tools is not None else {}
        body = await self._client.ask(
            model=request.model, messages=list(request.messages), **tools, **request.options
        )
        return Completion(body=body)

    async def aclose(self) -> None:
        """Release the connections."""
        await self._client.close()
