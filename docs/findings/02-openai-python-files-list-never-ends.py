"""
Iterating `client.files.list()` never ends where the list has no `has_more`, as Kimi's has not.

Needs: openai. Says "shown" and ends with 0 where the SDK does so, else "not shown" and 1.
"""

import http.server
import itertools
import json
import threading

import openai

FILE = {
    "id": "file-1",
    "object": "file",
    "bytes": 5,
    "created_at": 1757462400,
    "filename": "a.txt",
    "purpose": "file-extract",
    "status": "ready",
}
LIST = json.dumps({"object": "list", "data": [FILE]}).encode()  # as Kimi documents it
asked: list[str] = []


class Kimi(http.server.BaseHTTPRequestHandler):
    """Has one file, and knows no pages."""

    def do_GET(self) -> None:
        """Answer."""
        asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(LIST)))
        self.end_headers()
        self.wfile.write(LIST)

    def log_message(self, *_: object) -> None:
        """Say nothing of it."""


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Kimi)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = openai.OpenAI(base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="sk-none")
found = list(itertools.islice(client.files.list(), 50))
print(f"{len(found)} files in {len(asked)} requests, the last one GET {asked[-1]}")
if len(found) < 50:
    raise SystemExit("not shown: the iteration ended")
print("shown: one file was given 50 times, and there was no end of it")
