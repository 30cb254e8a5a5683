"""Three clients ask the same through the stage: their recordings differ in headers, as declared.

The JavaScript client is looked for where KIMI_CLIENTS says that clients are installed.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.cassettes.provenance import PROVENANCE

from kimi_conformance import suite as suites
from kimi_conformance.adapters.clients.environments import VARIABLE
from kimi_conformance.cassettes import Cassette, find_secrets, read
from kimi_conformance.cassettes.cassette import SIMULATOR_ORIGIN
from kimi_conformance.cassettes.recorder import record, said
from kimi_conformance.checks.sound import FIXED_TIME
from kimi_conformance.simulator import Simulator
from kimi_conformance.stage import Stage

pytestmark = pytest.mark.heavy

KEY = "sk-" + "0123456789abcdef" * 2
ASKED: Mapping[str, Any] = {
    "model": "moonshot-v1-8k",
    "messages": [{"role": "user", "content": "Hello, 你好"}],
    "max_tokens": 16,
}
# Each client's own: how it says what it takes, and how many bytes its JSON has.
OWN_HEADERS = {"accept", "content-length"}

PYTHON = """
import json, sys, openai
base_url, key, body, stream = sys.argv[1:]
chat = openai.OpenAI(base_url=base_url, api_key=key, max_retries=0).chat.completions
answer = chat.create(**json.loads(body), **({"stream": True} if stream else {}))
if stream:
    list(answer)
"""
JAVASCRIPT = """
import OpenAI from "openai";
const [baseURL, apiKey, body, stream] = process.argv.slice(2);
const chat = new OpenAI({ baseURL, apiKey, maxRetries: 0 }).chat.completions;
const answer = await chat.create({ ...JSON.parse(body), ...(stream ? { stream: true } : {}) });
if (stream) for await (const chunk of answer);
"""


def openai_python(folder: Path) -> list[str]:
    pytest.importorskip("openai", reason="the OpenAI client is not installed: pip install openai")
    (folder / "ask.py").write_text(PYTHON)
    return [sys.executable, str(folder / "ask.py")]


def openai_javascript(folder: Path) -> list[str]:
    node = shutil.which("node")
    clients = os.environ.get(VARIABLE)
    found = sorted(Path(clients).glob("*/node_modules/openai")) if clients else []
    if node is None or not found:
        pytest.skip(f"{VARIABLE} names no folder with the npm package openai, or node is missing")
    (folder / "node_modules").symlink_to(found[0].parent)
    (folder / "ask.mjs").write_text(JAVASCRIPT)
    return [node, str(folder / "ask.mjs")]


def curl(folder: Path) -> list[str]:
    if shutil.which("curl") is None or shutil.which("sh") is None:
        pytest.skip("curl is not installed")
    (folder / "ask.sh").write_text(
        'body="$3"; [ -z "$4" ] || body="${body%\\}}, \\"stream\\": true}"\n'
        'curl -sSN "$1/chat/completions" -H "Authorization: Bearer $2" '
        '-H "Content-Type: application/json" --data-binary "$body"\n'
    )
    return ["sh", str(folder / "ask.sh")]


CLIENTS: Mapping[str, Callable[[Path], list[str]]] = {
    "openai-javascript": openai_javascript,
    "curl": curl,
}


def recorded(client: list[str], stage: Stage, stream: bool, folder: Path) -> Path:
    """What a client asks a simulator that is always at the same moment."""
    edition = suites.find().edition("2025-09")
    lane = stage.open_lane(Simulator(edition, api_key=KEY, clock=lambda: FIXED_TIME))
    asked = [lane.base_url, KEY, json.dumps(ASKED), "stream" if stream else ""]
    done = subprocess.run(
        [*client, *asked], capture_output=True, text=True, cwd=folder, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert lane.journal is not None
    path = folder / "c.yaml"
    record(path, lane.journal.exchanges, PROVENANCE, origin=SIMULATOR_ORIGIN, secrets=(KEY,))
    stage.close_lane(lane)
    return path


def content(cassette: Cassette) -> list[object]:
    """All that a recording says but for the headers that are each client's own."""
    return [
        (
            (exchange.request.method, exchange.request.path, exchange.request.query),
            exchange.request.json,
            {name.lower(): value for name, value in exchange.request.headers if is_shared(name)},
            said(exchange)[1:],
        )
        for exchange in cassette.interactions
    ]


def is_shared(name: str) -> bool:
    return name.lower() not in OWN_HEADERS


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("client", CLIENTS)
def test_recordings_differ_only_as_declared(
    client: str, stream: bool, stage: Stage, tmp_path: Path
) -> None:
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()

    one = recorded(openai_python(folders[0]), stage, stream, folders[0])
    other = recorded(CLIENTS[client](folders[1]), stage, stream, folders[1])

    assert content(read(one, "one")) == content(read(other, "other"))
    assert find_secrets(one.read_bytes() + other.read_bytes(), (KEY,)) == []
    names = {name.lower() for name, _ in read(other, "c").interactions[0].request.headers}
    assert names <= {*OWN_HEADERS, "content-type"}
