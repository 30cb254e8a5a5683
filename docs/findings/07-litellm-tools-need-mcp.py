"""
A chat with tools fails where the package `mcp` is not installed, which LiteLLM does not require.

Needs: litellm, without its extras. Says "shown" and ends with 0 where it does so, else "not
shown" and 1.
"""

import http.server
import json
import os
import threading

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # no request but the one below

import litellm

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


class Kimi(http.server.BaseHTTPRequestHandler):
    """Answers every chat with that."""

    def do_POST(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: object) -> None:
        """Say nothing of it."""


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Kimi)
threading.Thread(target=server.serve_forever, daemon=True).start()
tool = {"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}
try:
    litellm.completion(
        model="moonshot/moonshot-v1-8k",
        messages=[{"role": "user", "content": "Hi"}],
        tools=[tool],
        api_base=f"http://127.0.0.1:{server.server_port}/v1",
        api_key="sk-none",
    )
except (ImportError, litellm.APIConnectionError) as error:
    print(f"shown: {str(error).splitlines()[0]}")
else:
    raise SystemExit("not shown: it was answered")
