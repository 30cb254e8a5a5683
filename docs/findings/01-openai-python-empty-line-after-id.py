"""
The SDK takes an empty line behind an event with an id for an event, and fails to read it.

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
    "choices": [{"index": 0, "delta": {"content": "Hello."}, "finish_reason": "stop"}],
}
# By the HTML Standard ("Server-sent events"), an empty line dispatches nothing where no data came.
STREAM = f"id: 0\ndata: {json.dumps(CHUNK)}\n\n\nid: 1\ndata: [DONE]\n\n\n".encode()


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
try:
    for chunk in client.chat.completions.create(
        model="moonshot-v1-8k", messages=[{"role": "user", "content": "Hi"}], stream=True
    ):
        print("chunk:", chunk.choices[0].delta.content)
except json.JSONDecodeError as error:
    print(f"shown: {type(error).__name__}: {error}")
else:
    raise SystemExit("not shown: the stream was read to its end")
