"""`record`: what did not change is kept byte for byte, and what ails a cassette is said."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance import suite as suites
from kimi_conformance.cli.asking.target import inspect
from kimi_conformance.cli.checking.judging import plan_of
from kimi_conformance.cli.checking.pytest_child import run_checks
from kimi_conformance.cli.keeping.run_folder import RunFolder
from kimi_conformance.simulator import Simulator
from kimi_conformance.stage import Stage
from kimi_conformance.suite import Suite
from kimi_conformance.wire.exchange import Answer, Frame, Request

Command = Callable[..., Any]  # see conftest.py
SUITE = suites.find()
TOPIC = "2025-09/endpoint/models"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The cassettes of one topic, where a test may change them."""
    folder = tmp_path / "copy"
    shutil.copytree(SUITE.cassettes / TOPIC, folder / TOPIC)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.yaml")}


@pytest.mark.heavy
def test_what_is_recorded_again_is_left_as_it_is(run: Command, copy: Path) -> None:
    before = contents(copy)

    said = run("record", "models", "--into", str(copy), "--edition", "2025-09", "--json", "-")

    assert said.code == 0
    assert len(json.loads(said.out)["checks"]) == len(before)
    assert contents(copy) == before


@pytest.mark.heavy
def test_after_a_change_of_one_check_only_its_cassette_differs(copy: Path, tmp_path: Path) -> None:
    before = contents(copy)
    changed = Suite(tmp_path / "changed")
    shutil.copytree(SUITE.conformance, changed.conformance)
    checks = changed.conformance / "endpoint" / "test_models.py"
    text = checks.read_text()
    checks.write_text(
        text.replace("endpoint.chat(GREETING)", 'endpoint.chat({**GREETING, "max_tokens": 17})', 1)
    )

    plan = plan_of(
        inspect(SUITE, "simulator", edition="2025-09"),
        ("reference",),
        topics=("models",),
        record_into=copy,
    )
    run = RunFolder.begin(
        tmp_path,
        "record",
        lane="simulator",
        source="simulator",
        edition="2025-09",
        configuration={},
    )
    run_checks(plan, changed, run.evidence)

    after = contents(copy)
    differing = [name for name in after if after[name] != before.get(name)]
    assert differing == [f"{TOPIC}/the_model_that_answers_is_listed.yaml"]
    assert b'"max_tokens":17' in after[differing[0]]


@pytest.mark.heavy
def test_what_ails_a_cassette_is_said(run: Command, copy: Path) -> None:
    """One is changed with its digest, one is edited, one is gone, one is nobody's."""
    folder = copy / TOPIC
    names = sorted(file.stem for file in folder.iterdir())
    edited, gone, nobodys, old = names[:4]
    (folder / f"{edited}.yaml").write_text("interactions: []\n")
    shutil.copy(folder / f"{nobodys}.yaml", folder / "nobodys.yaml")
    (folder / f"{gone}.yaml").unlink()
    text = (folder / f"{old}.yaml").read_text()
    (folder / f"{old}.yaml").write_text(text.replace("suite: 0.1.0", "suite: 0.0.1"))

    said = run(
        *("record", "--check", "models", "--plane", "endpoint", "--edition", "2025-09"),
        *("--into", str(copy), "--json", "answer.json"),
    )
    answer = json.loads(Path("answer.json").read_text())

    assert said.code == 1
    found = {each["cassette"].split("/")[-1]: each["ailment"] for each in answer["findings"]}
    assert found == {edited: "damaged", gone: "missing", "nobodys": "unused", old: "stale"}
    assert f"damaged     {TOPIC}/{edited}: Cassette" in said.out
    assert f"{len(names)} cassettes: 3 to be made anew or removed, 1 stale." in said.out


@pytest.mark.heavy
def test_cassettes_that_are_well_hold(run: Command, copy: Path) -> None:
    said = run(
        *("record", "--check", "models", "--plane", "endpoint", "--edition", "2025-09"),
        *("--into", str(copy), "--json", "-"),
    )

    assert said.code == 0
    assert json.loads(said.out)["findings"] == []


def test_a_plan_says_what_recording_takes_and_records_nothing(run: Command, copy: Path) -> None:
    before = contents(copy)

    said = run("record", "models", "--plan", "--into", str(copy), "--json", "-")

    assert said.code == 0
    plan = json.loads(said.out)["plan"]
    assert plan["total"]["checks"] == len(before)
    assert plan["total"]["requests"] > 0
    assert "nothing was sent" in said.err
    assert contents(copy) == before


@pytest.mark.heavy
def test_one_cassette_is_recorded_in_its_own_edition(run: Command, tmp_path: Path) -> None:
    name = "2026-09/endpoint/models/two_lists_hold_the_same_models"

    said = run("record", name, "--into", str(tmp_path / "into"))

    assert said.code == 0
    assert (tmp_path / "into" / f"{name}.yaml").is_file()
    assert not (tmp_path / "into" / "2025-09").exists()


class OnlyLists:
    """A live API that names its models, and answers nothing else."""

    kind = "live"

    def __init__(self) -> None:
        self._sound = Simulator(SUITE.edition("2025-09"), api_key="sk-of-a-user")

    async def answer(self, request: Request) -> Answer:
        if request.path == "/v1/models":
            return self._sound.reply(request)
        return Answer(status=503, frames=(Frame(0.0, b"not now"),))


@pytest.mark.heavy
def test_what_could_not_be_decided_is_not_recorded_and_said(
    run: Command, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = stage.open_lane(OnlyLists())
    monkeypatch.setenv("KIMI_API_KEY", "sk-of-a-user")
    monkeypatch.setenv("KIMI_BASE_URL", lane.base_url)

    said = run(
        *("record", "streaming", "--source", "live", "--plane", "endpoint"),
        *("--max-requests", "3", "--into", "into"),
    )
    stage.close_lane(lane)

    assert said.code == 3
    assert "not recorded: endpoint/streaming/" in said.err
    assert not list(Path("into").rglob("*.yaml"))
