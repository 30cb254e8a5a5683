"""Clients as they are installed here: their bridges, their baselines, and what was found in them.

Which are there is for whoever runs the tests: KIMI_CLIENTS names the folder. Others are skipped.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kimi_conformance import suite
from kimi_conformance.adapters.clients.catalogue import client_named, clients
from kimi_conformance.adapters.clients.environments import VARIABLE, Environments
from kimi_conformance.adapters.process.verify import KEY, verify
from kimi_conformance.simulator import Simulator
from kimi_conformance.stage import Stage

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).parents[3]
FINDINGS = ROOT / "docs" / "findings"
# Which client each program needs.
PROGRAMS = {
    "01-openai-python-empty-line-after-id.py": "openai-python-2",
    "02-openai-python-files-list-never-ends.py": "openai-python-2",
    "03-openai-python-half-a-stream-is-whole.py": "openai-python-2",
    "04-openai-js-timeout-leaves-out-the-body.mjs": "openai-js",
    "05-openai-js-broken-body-is-no-api-error.mjs": "openai-js",
    "06-vercel-ai-reads-on-behind-done.mjs": "vercel-ai",
    "07-litellm-tools-need-mcp.py": "litellm",
    "09-openai-python-quotes-the-key.py": "openai-python-2",
    "08-letta-connects-for-each-chat.py": "letta",
}
JUDGED = ("openai-python-2", "openai-js")  # small enough to judge whole wherever tests are run


@pytest.fixture
def environments() -> Environments:
    if VARIABLE not in os.environ:
        pytest.skip(f"{VARIABLE} names no folder of installed clients")
    return Environments.of_user()


def require(environments: Environments, name: str) -> None:
    if problem := environments.state(client_named(name)).problem:
        pytest.skip(f"{name}: {problem}")


@pytest.mark.parametrize("name", clients())
def test_a_bridge_speaks_the_protocol(name: str, environments: Environments, stage: Stage) -> None:
    require(environments, name)
    edition = suite.find().edition("2025-09")
    lane = stage.open_lane(Simulator(edition, api_key=KEY))
    command = environments.command(client_named(name))

    found = list(verify(command, lane.base_url, edition.default_model, edition.name, 20))

    hello = found[0].note
    assert [finding for finding in found if finding.problem] == []
    assert hello.startswith(f"{name} {environments.state(client_named(name)).version}")
    assert {"the end", "chat"} <= {finding.message for finding in found}


def test_every_program_of_a_finding_is_run() -> None:
    programs = {path.name for path in FINDINGS.iterdir() if path.suffix in {".py", ".mjs"}}

    assert programs == PROGRAMS.keys()


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_finding_still_shows(program: str, environments: Environments) -> None:
    name = PROGRAMS[program]
    require(environments, name)
    folder = environments.folder / name
    start = ["node"] if program.endswith(".mjs") else [str(folder / "bin" / "python"), "-I"]

    done = subprocess.run(
        [*start, str(FINDINGS / program)],
        cwd=folder,
        env={**os.environ, "HOME": str(folder)},  # where some make folders of their own
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "\nshown: " in f"\n{done.stdout}"


@pytest.mark.parametrize("name", JUDGED)
def test_a_client_does_what_its_baseline_says_and_nothing_else_wrong(
    name: str, environments: Environments, tmp_path: Path
) -> None:
    require(environments, name)
    argv = [sys.executable, "-m", "kimi_conformance", "matrix", "--adapter", name]

    done = subprocess.run(
        [*argv, "--json", "answer.json"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )

    [row] = json.loads((tmp_path / "answer.json").read_text())["adapters"]
    assert done.returncode == 0, done.stdout + done.stderr
    assert row["verdict"] == "CONFORMANT"
    assert (row["failed"], row["inconclusive"], row["error"]) == (0, 0, 0)
    assert row["passed"] > 100
