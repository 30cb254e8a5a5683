"""Clients that were written for the real API work against `kimi-conformance simulate`."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.heavy

EDITIONS = ["2025-09", "2026-09"]
WEATHER = {
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
HELLO = {"role": "user", "content": "Say hello."}
ASKS_TOOL = {"role": "user", "content": "What is the weather?"}


@dataclass(frozen=True)
class Served:
    """The simulator in a process of its own."""

    base_url: str
    api_key: str


@pytest.fixture(scope="module", params=EDITIONS)
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    command = [sys.executable, "-m", "kimi_conformance", "simulate", "--json"]
    process = subprocess.Popen(
        [*command, "--edition", request.param], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        with process.stdout:
            said = json.loads(process.stdout.readline())
        yield Served(said["base_url"], said["api_key"])
    finally:
        process.terminate()
        assert process.wait(timeout=20) == 0


@pytest.fixture
def client(served: Served) -> Iterator[Any]:
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=served.base_url, api_key=served.api_key, max_retries=0) as client:
        yield client


@pytest.fixture
def model(client: Any) -> str:
    ids = [model.id for model in client.models.list()]
    return str(ids[0])


def test_the_sdk_lists_models(client: Any) -> None:
    models = client.models.list().data

    assert {model.object for model in models} == {"model"}
    assert all(model.id and model.owned_by for model in models)


def test_the_sdk_chats(client: Any, model: str) -> None:
    completion = client.chat.completions.create(model=model, messages=[HELLO])

    choice = completion.choices[0]
    usage = completion.usage
    assert (choice.finish_reason, choice.message.role) == ("stop", "assistant")
    assert choice.message.content
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_the_sdk_streams(client: Any, model: str) -> None:
    stream = client.chat.completions.create(
        model=model, messages=[HELLO], stream=True, stream_options={"include_usage": True}
    )

    chunks = list(stream)
    said = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(said)
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage.completion_tokens > 0


def test_the_sdk_calls_tools_and_gives_back_results(client: Any, model: str) -> None:
    asked = client.chat.completions.create(model=model, messages=[ASKS_TOOL], tools=[WEATHER])
    message = asked.choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": '{"celsius": 21}'}
        for call in message.tool_calls
    ]
    answered = client.chat.completions.create(
        model=model,
        messages=[ASKS_TOOL, message.model_dump(exclude_none=True), *results],
        tools=[WEATHER],
    )

    assert json.loads(message.tool_calls[0].function.arguments)["city"]
    assert answered.choices[0].finish_reason == "stop"


def test_the_sdk_uploads_reads_and_deletes_files(client: Any, model: str) -> None:
    """The list is read by `data`: it says no `has_more`, so walking over it would not end."""
    file = client.files.create(file=("hotel.txt", b"Breakfast at seven."), purpose="file-extract")
    content = client.files.content(file.id).text
    chat = client.chat.completions.create(
        model=model, messages=[{"role": "system", "content": content}, HELLO]
    )
    listed = [each.id for each in client.files.list().data]
    deleted = client.files.delete(file.id)

    assert (file.filename, file.bytes) == ("hotel.txt", 19)
    assert json.loads(content)["content"] == "Breakfast at seven."
    assert chat.choices[0].message.content
    assert file.id in listed
    assert deleted.deleted
    assert file.id not in [each.id for each in client.files.list().data]


@pytest.mark.parametrize("served", ["2026-09"], indirect=True)
def test_the_sdk_runs_a_batch(client: Any, model: str) -> None:
    body = {"model": model, "messages": [HELLO], "max_tokens": 32}
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": body}
    file = client.files.create(file=("a.jsonl", json.dumps(line).encode()), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    ended = client.batches.retrieve(batch.id)
    result = json.loads(client.files.content(ended.output_file_id).text)

    assert (batch.status, ended.status) == ("validating", "completed")
    assert ended.request_counts.completed == 1
    assert result["response"]["body"]["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda client, _: client.chat.completions.create(model="gone", messages=[HELLO]), 404),
        (lambda client, model: client.chat.completions.create(model=model, messages=[]), 400),
        (lambda client, _: client.files.retrieve("none"), 404),
        (lambda client, _: client.with_options(api_key="sk-wrong").models.list(), 401),
    ],
    ids=["model", "messages", "file", "key"],
)
def test_the_sdk_understands_refusals(
    client: Any, model: str, ask: Callable[[Any, str], object], error: int
) -> None:
    openai = pytest.importorskip("openai")

    with pytest.raises(openai.APIStatusError) as refused:
        ask(client, model)

    assert refused.value.status_code == error
    assert refused.value.body["type"]


# ---------------------------------------------------------------- other versions of the SDK

PROGRAM = Path(__file__).with_name("openai_program.py")


@pytest.fixture(scope="module")
def openai_2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the last SDK of the generation before, and all that it needs."""
    folder = tmp_path_factory.mktemp("openai-2")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries", "1"]
    installed = subprocess.run(
        [*pip, "install", "--quiet", "--no-input", "--target", str(folder), "openai<3"],
        capture_output=True,
        text=True,
        timeout=240,
    )
    if installed.returncode != 0:
        pytest.skip(f"pip cannot get openai<3: {installed.stderr.strip()[-200:]}")
    return folder


def run_program(served: Served, *paths: Path) -> Any:
    """What the program finds, with these folders before the installed packages."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM)],
        env={
            **os.environ,
            "NO_PROXY": "127.0.0.1",
            "OPENAI_API_KEY": served.api_key,
            "OPENAI_BASE_URL": served.base_url,
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_program_runs_with_the_sdk_of_the_generation_before(
    served: Served, openai_2: Path
) -> None:
    found = run_program(served, openai_2)

    assert found["version"].startswith("2.")
    assert found["chat"]["reason"] == found["stream"]["reason"] == "stop"
    assert found["chat"]["content"] == found["stream"]["content"] != ""
    assert found["chat"]["counts"] == found["stream"]["counts"]
    assert found["tools"]["reasons"] == ["tool_calls", "stop"]
    assert found["tools"]["arguments"]["city"]
    assert found["files"] == {
        "name": "hotel.txt",
        "content": "Breakfast at seven.",
        "deleted": True,
        "listed": [True, False],
    }


def test_two_generations_of_the_sdk_find_the_same(served: Served, openai_2: Path) -> None:
    pytest.importorskip("openai")

    old, new = run_program(served, openai_2), run_program(served)

    assert old.pop("version") != new.pop("version")
    assert old == new


# ---------------------------------------------------------------- curl


def curl(served: Served, path: str, *more: str) -> str:
    command = shutil.which("curl")
    if command is None:
        pytest.skip("curl is not installed")
    done = subprocess.run(
        [
            command,
            *("--silent", "--show-error", "--fail-with-body", "--max-time", "20"),
            *("--header", f"Authorization: Bearer {served.api_key}"),
            *more,
            f"{served.base_url}{path}",
        ],
        env={**os.environ, "no_proxy": "127.0.0.1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def body(value: object) -> tuple[str, ...]:
    return ("--header", "Content-Type: application/json", "--data", json.dumps(value))


def test_curl_lists_models_and_chats(served: Served) -> None:
    models = json.loads(curl(served, "/models"))["data"]
    chat = {"model": models[0]["id"], "messages": [HELLO], "max_tokens": 64}
    whole = json.loads(curl(served, "/chat/completions", *body(chat)))
    stream = curl(served, "/chat/completions", "--no-buffer", *body({**chat, "stream": True}))

    assert whole["object"] == "chat.completion"
    assert stream.startswith("data: {")
    assert stream.endswith("data: [DONE]\n\n")


def test_curl_calls_tools(served: Served) -> None:
    models = json.loads(curl(served, "/models"))["data"]
    chat = {"model": models[0]["id"], "messages": [ASKS_TOOL], "tools": [WEATHER]}

    called = json.loads(curl(served, "/chat/completions", *body(chat)))

    assert called["choices"][0]["finish_reason"] == "tool_calls"


def test_curl_uploads_and_deletes(served: Served, tmp_path: Any) -> None:
    document = tmp_path / "hotel.txt"
    document.write_text("Breakfast at seven.\n")

    form = ("--form", "purpose=file-extract", "--form", f"file=@{document}")
    file = json.loads(curl(served, "/files", *form))
    content = json.loads(curl(served, f"/files/{file['id']}/content"))
    deleted = json.loads(curl(served, f"/files/{file['id']}", "--request", "DELETE"))

    assert (file["filename"], file["bytes"]) == ("hotel.txt", 20)
    assert content["content"] == "Breakfast at seven.\n"
    assert deleted["deleted"] is True
