"""
A key that was read from a file with its line end stands in the traceback of the error.

Needs: openai. Says "shown" and ends with 0 where the SDK does so, else "not shown" and 1.
"""

import socket
import traceback

import openai

server = socket.create_server(("127.0.0.1", 0))  # it is connected to, and nothing is sent
client = openai.OpenAI(
    base_url=f"http://127.0.0.1:{server.getsockname()[1]}/v1",
    api_key="sk-from-a-file\n",
    max_retries=0,
)
try:
    client.models.list()
except openai.OpenAIError as error:
    told = "".join(traceback.format_exception(error))
quoted = [line.strip() for line in told.splitlines() if "sk-from-a-file" in line and "b'" in line]
if not quoted:
    raise SystemExit("not shown: no line of the traceback holds the key")
print(f"shown: {quoted[0]}")
