"""
Each chat makes a new client with a connection of its own: none is used twice.

Needs: letta. Says "shown" and ends with 0 where it does so, else "not shown" and 1.
"""

import asyncio
import http.server
import json
import threading

from letta.llm_api.llm_client import LLMClient
from letta.schemas.enums import ProviderType
from letta.schemas.llm_config import LLMConfig
from letta.settings import model_settings

MESSAGE = {"role": "assistant", "content": "Hello."}
ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1757462400,
        "model": "moonshot-v1-8k",
        "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
).encode()
connections: set[object] = set()


class Kimi(http.server.BaseHTTPRequestHandler):
    """Answers every chat with that, on as many connections as are made."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer."""
        connections.add(self.client_address)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: object) -> None:
        """Say nothing of it."""


async def chat_in_a_row(base_url: str) -> None:
    """Ten questions, one after the other."""
    client = LLMClient.create(provider_type=ProviderType.openai)
    config = LLMConfig(
        model="moonshot-v1-8k",
        model_endpoint_type="openai",
        model_endpoint=base_url,
        context_window=8192,
    )
    data = {"model": config.model, "messages": [{"role": "user", "content": "Hi"}]}
    for _ in range(10):
        await client.request_async(data, config)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Kimi)
threading.Thread(target=server.serve_forever, daemon=True).start()
model_settings.openai_api_key = "sk-none"
asyncio.run(chat_in_a_row(f"http://127.0.0.1:{server.server_port}/v1"))
if len(connections) < 10:
    raise SystemExit(f"not shown: {len(connections)} connections for 10 chats")
print(f"shown: {len(connections)} connections for 10 chats in a row")
