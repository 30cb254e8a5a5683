"""The client itself: one chat at a time."""

from collections.abc import Mapping
from typing import Any

import httpx


class Client:
    """Speaks to one API with one key."""

    def __init__(self, base_url: str, api_key: str, patience: float = 30.0) -> None:
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=patience,
            trust_env=False,
        )

    async def ask(self, **body: Any) -> Mapping[str, Any]:
        """The whole answer to a chat."""
        reply = await self._http.post("/chat/completions", json=body)
        reply.raise_for_status()
        answer: Mapping[str, Any] = reply.json()
        return answer

    async def close(self) -> None:
        """Release the connections."""
        await self._http.aclose()
