"""The same API as a provider with the documented methods: it needs no adapter."""

from types import SimpleNamespace
from typing import Any

import httpx


class KimiProvider:
    """Lists the models."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self.base_url, self.api_key = base_url, api_key

    async def list_llm_models_async(self) -> list[Any]:
        """The models that a user can choose from."""
        async with httpx.AsyncClient(trust_env=False) as http:
            reply = await http.get(
                f"{self.base_url}/models", headers={"Authorization": f"Bearer {self.api_key}"}
            )
        return [
            SimpleNamespace(model=model["id"], handle=self.get_handle(model["id"]))
            for model in reply.raise_for_status().json()["data"]
        ]

    def get_handle(
        self, model_name: str, is_embedding: bool = False, base_name: str | None = None
    ) -> str:
        """The name of a model by which a user chooses it."""
        return f"{base_name or 'kimi'}/{model_name}"
