"""
A stream that ends without a finish_reason and without [DONE] is taken for a whole answer.

Needs: openai. Says "shown" and ends with 0 where the SDK does so, else "not shown" and 1.
"""

import http.server
import json
import threading

import openai

CHUNK = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1757462400,
    "model": "moonshot-v1-8k",
    "choices": [{"index": 0, "delta": {"content": "The answer is not"}, "finish_reason": None}],
}
STREAM = f"data: {json.dumps(CHUNK)}\n\n".encode()  # and a proxy that closed in good order


class Kimi(http.server.BaseHTTPRequestHandler):
    """Answers every chat with that stream."""

    def do_POST(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(STREAM)))
        self.end_headers()
        self.wfile.write(STREAM)

    def log_message(self, *_: object) -> None:
        """Say nothing of it."""


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Kimi)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = openai.OpenAI(base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="sk-none")
stream = client.chat.completions.create(
    model="moonshot-v1-8k", messages=[{"role": "user", "content": "Hi"}], stream=True
)
try:
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
except openai.APIError as error:
    raise SystemExit(f"not shown: {error}") from None
print(f"shown: the stream ended without an error, and without its end: {text!r}")
