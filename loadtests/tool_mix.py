"""
Tool mix: some people chat, some have the model call tools.

Question:  is a whole tool loop, from the question to the answer that uses the results, served as
           promised while others chat?
Workload:  closed; 12 users, one logical call every 2 s each: two chats for each tool loop. A loop
           is one logical call of two requests or more.
Judged by: [tool_mix] and [all] in slo.toml; `by_name` in the record has chats and loops apart.
"""

import json

from locust import constant_pacing, task

from kimi_conformance.load import KimiUser, Stages

ANSWER_TOKENS = 256  # at most; the arguments of the calls are part of it
RESULTS = {
    "get_weather": {"sky": "clear", "celsius": 21},
    "get_time": {"local": "14:05", "zone": "UTC+8"},
}


def call_tool(name: str, arguments: str) -> str:
    """What a tool gives; one that there is not says so, as an application would."""
    del arguments
    return json.dumps(RESULTS.get(name, {"error": f"There is no tool {name}."}))


class Asker(KimiUser):
    """Chats, and now and then asks what only tools know."""

    wait_time = constant_pacing(2)  # seconds

    @task(2)
    def chat(self) -> None:
        """Read the answer while it is written."""
        self.read_stream("chat/short_question", max_tokens=32)

    @task(1)
    def use_tools(self) -> None:
        """Run the tools that the model calls, until it answers."""
        self.ask_with_tools("chat/weather_and_time", call_tool, max_tokens=ANSWER_TOKENS)


class Plateau(Stages):
    """Ten minutes at one height, the first two of them warm-up."""

    stages = ((600, 12),)
    warm_up = 120
