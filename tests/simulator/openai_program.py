"""
What a user does with the OpenAI SDK, as a program that any version of it can be put under.

It finds the API by OPENAI_BASE_URL and OPENAI_API_KEY, and writes what it found as JSON.
"""

import json
import sys
from typing import Any

import openai

HELLO: Any = {"role": "user", "content": "Say hello."}
ASKS_TOOL: Any = {"role": "user", "content": "What is the weather?"}
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


def chat(client: openai.OpenAI, model: str) -> dict[str, Any]:
    completion = client.chat.completions.create(model=model, messages=[HELLO])
    choice, usage = completion.choices[0], completion.usage
    assert usage is not None
    counts = (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
    return {"content": choice.message.content, "reason": choice.finish_reason, "counts": counts}


def stream(client: openai.OpenAI, model: str) -> dict[str, Any]:
    chunks = list(
        client.chat.completions.create(
            model=model, messages=[HELLO], stream=True, stream_options={"include_usage": True}
        )
    )
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    usage = chunks[-1].usage
    assert usage is not None
    return {
        "content": "".join(choice.delta.content or "" for choice in choices),
        "reason": choices[-1].finish_reason,
        "counts": (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens),
    }


def call_tools(client: openai.OpenAI, model: str) -> dict[str, Any]:
    asked = client.chat.completions.create(model=model, messages=[ASKS_TOOL], tools=[WEATHER])
    message = asked.choices[0].message
    calls: Any = message.tool_calls
    results = [{"role": "tool", "tool_call_id": call.id, "content": "21"} for call in calls]
    said: Any = message.model_dump(exclude_none=True)
    messages: Any = [ASKS_TOOL, said, *results]
    answered = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER])
    return {
        "arguments": json.loads(calls[0].function.arguments),
        "reasons": [asked.choices[0].finish_reason, answered.choices[0].finish_reason],
    }


def keep_files(client: openai.OpenAI) -> dict[str, Any]:
    purpose: Any = "file-extract"
    file = client.files.create(file=("hotel.txt", b"Breakfast at seven."), purpose=purpose)
    content = json.loads(client.files.content(file.id).text)["content"]
    listed = [each.id for each in client.files.list().data]
    deleted = client.files.delete(file.id).deleted
    left = [each.id for each in client.files.list().data]
    return {
        "name": file.filename,
        "content": content,
        "deleted": deleted,
        "listed": (file.id in listed, file.id in left),
    }


def main() -> None:
    with openai.OpenAI(max_retries=0) as client:
        models = [model.id for model in client.models.list()]
        found = {
            "version": openai.__version__,
            "models": models,
            "chat": chat(client, models[0]),
            "stream": stream(client, models[0]),
            "tools": call_tools(client, models[0]),
            "files": keep_files(client),
        }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
